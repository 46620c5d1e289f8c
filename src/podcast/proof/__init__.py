"""The proof that a device does the work: before a run, during it, and what follows for settings."""

from podcast.proof.ladder import Step, ladder, told
from podcast.proof.nvml import Card, CardReader, CardUse, NoCards, ProcessUse, open_reader
from podcast.proof.policy import Policy, policy_for
from podcast.proof.prove import Needs, choose, prove
from podcast.proof.record import Operator, Proof, Verdict, as_data, from_data
from podcast.proof.watch import Usage, Watch, process_tree

__all__ = ["Card", "CardReader", "CardUse", "Needs", "NoCards", "Operator", "Policy", "ProcessUse", "Proof", "Step",
           "Usage", "Verdict", "Watch", "as_data", "choose", "from_data", "ladder", "open_reader", "policy_for",
           "process_tree", "prove", "told"]
