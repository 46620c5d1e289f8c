"""The words that tell speakers, headers and stage directions from what is said."""

from __future__ import annotations

import re


def word_set(text: str, separator: str | None = None) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split(separator))


# Labels that name a speaker even if they occur once, with or without a number.
ROLES = word_set(
    "host,co-host,cohost,guest,narrator,interviewer,interviewee,moderator,presenter,announcer,anchor,reporter,"
    "speaker,panelist,panellist,caller,expert,voice,voiceover,voice-over,vo,storyteller,student,teacher,"
    "female host,male host,host a,host b", ","
)

# "Key: value" lines before the first words that describe the script.
HEADER_KEYS = word_set(
    "runtime,run time,running time,duration,length,estimated length,estimated runtime,estimated duration,"
    "approximate length,total time,time,timing,reading time,tone,style,mood,voice,voice style,pace,pacing,format,"
    "audience,target audience,genre,date,publish date,air date,recorded,recording date,release date,episode,"
    "episode number,episode title,ep,season,series,show,podcast,podcast name,show name,author,authors,writer,"
    "writers,written by,script by,script,title,subtitle,podcast title,podcast script,version,draft,"
    "status,word count,words,wordcount,host,hosts,"
    "guest,guests,narrator,narrators,presenter,presenters,speaker,speakers,cast,characters,voices,topic,topics,"
    "theme,keywords,tags,category,language,accent,location,setting,producer,produced by,editor,edited by,director,"
    "directed by,description,summary,logline,synopsis,copyright,contact,email,website,music,background,sound,"
    "avatar,visuals,platform,source,sources,purpose,goal,objective,pov,point of view,delivery,client,project", ","
)
SENTENCE_KEYS = word_set(  # these begin sentences too: "Time: it flies."
    "time voice words theme sound music background show script draft mood style characters voices series delivery "
    "status source sources cast date location setting topic goal purpose"
)
PEOPLE_KEYS = word_set("host narrator presenter speaker guest interviewer moderator")

# Capitalised words before a colon that name no speaker.
NOT_NAMES = word_set(
    "note,notes,remember,warning,caution,danger,attention,important,tip,pro tip,tips,hint,example,examples,"
    "for example,summary,in summary,conclusion,in conclusion,first,second,third,fourth,fifth,last,finally,next,then,"
    "fact,fun fact,myth,reality,truth,problem,solution,result,results,reason,reasons,today,tomorrow,yesterday,now,"
    "monday,tuesday,wednesday,thursday,friday,saturday,sunday,january,february,march,april,june,july,august,"
    "september,october,november,december,pro,con,pros,cons,update,breaking,breaking news,spoiler,spoiler alert,"
    "disclaimer,ps,p.s.,source,sources,quote,lesson,rule,ingredients,directions,instructions,method,todo,to do,faq,"
    "takeaway,key takeaway,key takeaways,bottom line,in short,in other words,think about it,imagine,consider,"
    "listen,look,again,so,but,and,or,because,also,however,therefore,meanwhile,the point,the result,the answer,"
    "the question,the problem,the solution,the good,the bad,the ugly,translation,definition,meaning,advantages,"
    "disadvantages,benefits,objective,goal,goals,re,cc,subject,dear,hello,hi,welcome,yes,no,ok,okay,"
    "contents,table of contents,links,credits,references,further reading,before,after,left,right,morning,evening,"
    "afternoon,night,spring,summer,autumn,fall,winter,bonus,trivia,news,headline,headlines,weather,sports", ","
)
_COUNTED = re.compile(
    r"(?:step|part|chapter|section|lesson|rule|day|week|month|year|number|no\.?|point|item|option|scene|act|episode|"
    r"fact|tip|myth|reason|question|answer|phase|stage|level|round|segment|figure|table|version|page|verse|line|"
    r"principle|habit|mistake|secret|story|case|example|block)\b", re.I)

# The parts of a show: on a line of their own or in capitals they are for the author.
SECTION_MARKERS = re.compile(
    r"(?:intro|introduction|outro|opening|closing|opening remarks|closing remarks|closing thoughts|conclusion|body|"
    r"main content|main body|main segment|main topic|cold open|teaser|hook|call to action|cta|transition|sign[- ]?off|"
    r"ad break|sponsor|sponsor break|sponsor message|break|recap|interlude|montage|"
    r"(?:segment|section|scene|act|part|block)\s+(?:\d{1,2}|[ivx]{1,4}|one|two|three|four|five|six))", re.I)

END_MARKERS = re.compile(  # "The end." is said, these are not
    r"END|(?i:end of (?:the |this )?(?:episode|show|script|podcast|transcript|recording|audio|segment|section|"
    r"scene|act|part)(?: \w{1,5})?)")

NOTES = re.compile(
    r"(?:(?:production|show|episode|editor(?:'s|’s|s)?|editing|editorial|technical|recording|director(?:'s|’s|s)?|"
    r"script|post[- ]?production|sound|audio|video|host|voice|voice[- ]?over|performance|delivery|author(?:'s|’s|s)?|"
    r"producer(?:'s|’s|s)?|speaker|presenter|research|music)\s+notes?(?:\s.*)?|"
    r"notes?\s+(?:for|to)\s+(?:the\s+)?(?:editor|producer|production|narrator|host|presenter|director|team|self)s?\b.*)",
    re.I)
NOTES_HEADINGS = re.compile(  # as a heading these are not for the ear either
    r"(?:notes?|references|bibliography|works cited|footnotes|metadata|production(?: details| information| info)?|"
    r"technical (?:details|requirements|specs|specifications))", re.I)

# What speakers do, besides speaking: third person and participle.
_VERBS = sorted(word_set(
    "laugh chuckle giggle sigh whisper smile grin cough gasp nod cry sob groan yawn sneeze sniff sniffle hum sing "
    "shout yell scream mutter murmur mumble whistle clap applaud cheer wink shrug frown gesture pause exhale inhale "
    "breathe swallow gulp snort scoff smirk stammer stutter hesitate interrupt continue turn look lean point wave "
    "walk enter exit leave sit stand pan zoom cut clear read check glance stare blink bow deadpan tease joke snicker "
    "weep wince grimace beam roll raise lower take knock ring chime fade play"
))
_STRONG = word_set(  # too seldom said in passing to be anything but a direction
    "laugh chuckle giggle sigh whisper smile grin cough gasp nod sob groan yawn sneeze sniff sniffle shout yell "
    "mutter murmur mumble wink shrug frown exhale inhale snort scoff smirk stammer stutter snicker deadpan wince "
    "grimace"
)
_ADVERBS = word_set(
    "softly quietly loudly slowly quickly warmly gently angrily sadly happily excitedly nervously calmly cheerfully "
    "dramatically sarcastically seriously thoughtfully wistfully enthusiastically brightly playfully firmly "
    "hesitantly proudly tenderly dryly solemnly reverently urgently breathlessly aside offscreen off-screen off-camera "
    "vo v.o. o.s. o.c. cont'd contd con't continued beat singing crosstalk inaudible unintelligible "
    "applause laughter cheering clapping silence"
)
_SUBJECT = re.compile(
    r"(?:(?:he|she|they|both|all|everyone|audience|the audience|crowd|the crowd|host|the host|camera|the camera)\s+)?",
    re.I)
_SEVERAL = re.compile(r"(?:they|both|all)(?: all| both)? ", re.I)  # after these verbs have no ending
_DIRECTED = re.compile(
    r"(?:to (?:camera|audience|the camera|the audience|himself|herself|themselves)|in a (?:\w+ ){0,2}(?:voice|tone|"
    r"whisper|accent)|with (?:a |an )?(?:\w+ )?(?:smile|sigh|grin|laugh|emphasis|excitement|warmth|enthusiasm)|"
    r"(?:off|on)[- ](?:screen|camera|mic)|under (?:his|her|their) breath|under the breath|voice[- ]?over|"
    r"sound of .*|sfx\b.*|fx\b.*)", re.I)

_MAX_DIRECTION = 5  # words of a direction in parentheses
_FUNCTION_WORDS = word_set(
    "a an the he she it they we i you him her them us me his its their our my your this that these those who which "
    "is are was were be been has have had do does did will would can could should may might must not and or but of "
    "to in on at by for from with as than then so if"
)


def _forms(verb: str) -> set[str]:
    stem = verb[:-1] if verb.endswith("e") else verb
    third = {verb + "s", verb + "es", verb[:-1] + "ies" if verb.endswith("y") else verb + "s"}
    return third | {stem + "ing", verb + verb[-1] + "ing"}


_FORM_OF = {form: verb for verb in _VERBS for form in _forms(verb)}


def is_action(text: str, strong: bool = False) -> bool:
    """Return whether words such as "laughs", "she sighs", "softly, to camera" tell how or what to do.

    With `strong`, only what can hardly be part of a sentence counts.
    """
    text = text.strip(" .!,;:*_").lower()
    words = _SUBJECT.sub("", text, count=1).replace(",", " ").split()
    if not words or len(words) > _MAX_DIRECTION:
        return False
    if _DIRECTED.fullmatch(text) or all(w in _ADVERBS or w in ("and", "very", "more") for w in words):
        return True
    verb = _FORM_OF.get(words[0]) or (_FORM_OF.get(words[1]) if len(words) == 2 and words[0] in _ADVERBS else None)
    if _SEVERAL.match(text) and words[0] in _VERBS:
        verb = words[0]
    if verb is None:
        return len(words) <= 2 and words[-1] in _ADVERBS and (len(words) == 1 or words[0] not in _FUNCTION_WORDS)
    return verb in _STRONG or len(words) == 1 or not strong


def is_editorial(text: str) -> bool:
    """Return whether a bracket's one or two words look like an editor's insertion into a quotation: "[He]"."""
    words = text.split()
    if not 1 <= len(words) <= 2 or is_action(text) or (text.isupper() and len(text) > 1):
        return False
    return all(w.lower() in _FUNCTION_WORDS or (w[0].isupper() and w.isalpha()) for w in words)


def is_no_name(name: str) -> bool:
    """Return whether words before a colon ("Note", "Step 2") are no speaker's name."""
    lower = name.strip(" .").lower()
    return lower in NOT_NAMES or bool(_COUNTED.match(lower)) or bool(SECTION_MARKERS.fullmatch(lower))


def is_role(name: str) -> bool:
    """Return whether a label names a role: "Host", "Speaker 1", "Guest B"."""
    base = re.sub(r"\s*#?(?:\d{1,2}|\b[a-z])$", "", name.strip(), flags=re.I).lower()
    return base in ROLES or name.strip().lower() in ROLES
