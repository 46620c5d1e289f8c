"""Signal processing of the episode's sound, block by block and independent of the blocks' size."""
