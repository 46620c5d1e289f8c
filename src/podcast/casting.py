"""Which voice and which host suit a speaker: what the author chose, else what fits the name and each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from podcast.episode import Speaker

Gender = Literal["female", "male", ""]

# Common English first names and forms of address; a name that is not here gets whatever is next.
_FEMALE = frozenset("""
    abigail ada aisha alexandra alice alicia alison amanda amber amelia amy ana andrea angela anita anna anne annie
    april aria ashley audrey ava barbara beatrice bella beth betty brenda bridget camila carla carmen carol caroline
    catherine cathy charlotte chloe christina christine cindy claire clara claudia cynthia daisy deborah denise diana
    diane dolores donna dora doris dorothy edith eileen elena eleanor eliza elizabeth ella ellen ellie emily emma
    erica erin esther eva eve evelyn fatima faye fiona florence frances freya gemma gina gloria grace greta hailey
    hannah harriet hazel heather heidi helen helena holly ida imani ingrid irene iris isabel isabella isla ivy jackie
    jacqueline jane janet janice jasmine jean jenna jennifer jenny jessica jill joan joanna jocelyn josephine joy
    joyce judith judy julia julie june karen kate katherine kathleen kathy katie kayla keisha kelly kim kimberly
    kirsten laila lara laura lauren leah lena leslie lillian lily linda lisa liz lois lola louise lucia lucy luna
    lydia lynn mabel maddie madison maggie maria marie marilyn marion martha mary maya megan melanie melissa mia
    michelle mila molly monica nadia nancy naomi natalie natasha nicole nina nora norma olga olivia paige pamela
    patricia paula pauline peggy penelope phoebe polly priya rachel rebecca rhonda rita roberta robin rosa rose
    rosemary ruby ruth sally samantha sandra sara sarah selma serena shannon sharon sheila shirley sienna silvia
    simone sofia sonia sophia sophie stella stephanie susan susie suzanne sylvia tamara tara teresa tess theresa
    tiffany tina tracy ursula valerie vanessa vera veronica victoria viola violet virginia vivian vivienne wendy
    whitney willow winifred yasmin yolanda yvonne zara zoe
    mrs ms miss madam lady queen princess mother mom mum grandmother grandma aunt sister daughter girl woman wife
    """.split())
_MALE = frozenset("""
    aaron abdul abraham adam adrian ahmed al alan albert alejandro alexander alfred ali andre andrew andy angus anthony
    antonio archie arnold arthur austin barry ben benjamin bernard bill billy bob bobby brad brandon brendan brian
    bruce bruno bryan callum calvin carl carlos cedric charles charlie chen chester chris christian christopher claude
    clive colin connor craig curtis dale dan daniel darren dave david dean dennis derek diego dmitri dominic don donald
    doug douglas duncan dylan ed eddie edgar edward edwin eli elias elliot eric ernest ethan eugene evan felix
    fernando finn francis francisco frank fred frederick gabriel gareth gary gavin geoffrey george gerald gilbert glen
    gordon graham grant greg gregory gus guy harold harry harvey hassan hector henry herbert herman howard hugh hugo
    hunter ian isaac ivan jack jackson jacob jaime jake jamal james jamie jared jason javier jeff jeffrey jeremy jerome
    jerry jesse jim jimmy joe joel john johnny jonathan jordan jorge jose joseph josh joshua juan julian justin karl
    keith ken kenji kenneth kevin kirk kyle lance larry lars lawrence lee leo leon leonard levi lewis liam lloyd logan
    louis lucas luis luke magnus malcolm marcel marco marcus mario mark martin marvin mason matt matthew maurice max
    michael miguel mike miles milo mohamed mohammed morris nathan nathaniel neil nelson nicholas nick nigel noah
    norman oliver omar oscar otto owen pablo patrick paul pedro percy pete peter phil philip pierre quentin rafael
    raj ralph ramon randy ray raymond reginald rex ricardo richard rick robert roberto rodney roger roland ron ronald
    rory ross roy rupert russell ryan sam samir samuel scott sean sebastian sergio seth shane sidney simon spencer
    stanley stefan stephen steve steven stuart ted terence terry theo theodore thomas tim timothy toby todd tom tommy
    tony travis trevor tyler victor vincent vladimir wade wallace walter warren wayne wesley will william winston
    xavier yusuf zachary
    mr sir lord king prince father dad grandfather grandpa uncle brother son boy man husband
    """.split())


def gender_of(name: str) -> Gender:
    """Return what a name or form of address suggests, "" where it says nothing."""
    for word in name.lower().replace(".", " ").split():
        if word in _FEMALE:
            return "female"
        if word in _MALE:
            return "male"
    return ""


def choose(
    speakers: Sequence[Speaker],
    offered: Sequence[str],
    given: Mapping[str, str],
    wanted: Mapping[str, Gender],
    gender: Callable[[str], Gender],
) -> dict[str, str]:
    """Return a voice (or host) for each speaker, by `Speaker.id`.

    A speaker gets what is given; else the one of the same name; else the first that nobody has and whose gender is
    wanted; else the next that nobody has; when all are taken they come round again.

    Args:
        speakers: in the order of their first words.
        offered: names, the best first.
        given: what the author chose.
        wanted: the gender that fits each speaker.
        gender: tells it of what is offered.
    """
    chosen = dict(given)
    for speaker in speakers:
        own = speaker.id.lower()
        if speaker.id not in chosen and own in offered and own not in chosen.values():
            chosen[speaker.id] = own
    for speaker in speakers:
        if speaker.id in chosen:
            continue
        free = [name for name in offered if name not in chosen.values()] or list(offered)
        fitting = [name for name in free if gender(name) == wanted.get(speaker.id)]
        fitting += [name for name in offered if gender(name) == wanted.get(speaker.id) != ""] if not fitting else []
        chosen[speaker.id] = (fitting or free)[0]
    return chosen
