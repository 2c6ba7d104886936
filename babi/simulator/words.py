"""Every word of the generated stories.

All of them stand in the official 159-word lexicon, spare names for larger casts
included, so a model trained on the official stories can read every generated one.
"""

# The casts of the official files, by their places in the tasks.
HOUSE_PEOPLE = ("Mary", "John", "Sandra", "Daniel")  # tasks 1-3, 6-9 and 11-13
GIVING_PEOPLE = ("Mary", "Fred", "Bill", "Jeff")  # task 5
TOWN_PEOPLE = ("Mary", "Fred", "Bill", "Julie")  # tasks 10 and 14
FEARFUL_PEOPLE = ("Gertrude", "Winona", "Jessica", "Emily")  # task 15
ANIMAL_PEOPLE = ("Lily", "Bernhard", "Greg", "Julius", "Brian")  # task 16
MOODY_PEOPLE = ("Jason", "Antoine", "Sumit", "Yann")  # task 20

PEOPLE = tuple(dict.fromkeys(HOUSE_PEOPLE + GIVING_PEOPLE + TOWN_PEOPLE
                             + FEARFUL_PEOPLE + ANIMAL_PEOPLE + MOODY_PEOPLE))
_WOMEN = frozenset({"Mary", "Sandra", "Julie", "Lily", *FEARFUL_PEOPLE})

HOUSE_PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
TOWN_PLACES = ("bedroom", "cinema", "kitchen", "office", "park", "school")
PLACES = tuple(dict.fromkeys(HOUSE_PLACES + TOWN_PLACES))

CARRIED_THINGS = ("apple", "football", "milk")
THINGS = CARRIED_THINGS + ("pajamas",)

# A phrase is drawn uniformly each time that something is told.
MOVE = ("went to", "moved to", "journeyed to", "travelled to", "went back to")
GET = ("got", "took", "grabbed", "picked up")
DROP = ("left", "dropped", "discarded", "put down")
GIVE = ("gave", "passed", "handed")
NEXT = ("Afterwards", "After that", "Following that", "Then")

TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
COUNTS = ("none", "one", "two", "three")

COMPASS = ("north", "east", "south", "west")  # opposites are two apart
SIDES = ("above", "to the right of", "below", "to the left of")  # likewise

FEARED_ANIMALS = {"mouse": "mice", "sheep": "sheep", "wolf": "wolves", "cat": "cats"}
COLORED_ANIMALS = ("swan", "lion", "frog", "rhino")
COLORS = ("gray", "white", "yellow", "green")

SHAPES = ("triangle", "pink rectangle", "blue square", "red square", "red sphere",
          "yellow square")

SWEETS = ("chocolate", "box of chocolates")  # in order of size, both smaller than
BOXES = ("box", "chest", "container", "suitcase")  # all of these

# What people in a mood do: where they go and what they get there.
MOODS = {
    "hungry": ("kitchen", "apple"),
    "thirsty": ("kitchen", "milk"),
    "bored": ("garden", "football"),
    "tired": ("bedroom", "pajamas"),
}


def pronoun(person: str) -> str:
    """`she` or `he`."""
    return "she" if person in _WOMEN else "he"


def opposite(direction: str) -> str:
    """The opposite of one of COMPASS or SIDES."""
    circle = COMPASS if direction in COMPASS else SIDES
    return circle[(circle.index(direction) + 2) % 4]
