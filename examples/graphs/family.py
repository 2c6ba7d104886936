"""A family, invented, as a graph: who is whose mother, father, child and so on."""

# The labels of edges; their places in this list are their numbers.
LABELS = ("mother", "father", "daughter 1", "daughter 2", "son 1", "son 2", "sister 1",
          "sister 2", "brother 1", "brother 2")

COUPLES = {  # (mother, father): their children
    ("Ada", "Bert"): ("Edda", "Finn"),
    ("Cleo", "Dirk"): ("Gwen", "Hans"),
    ("Edda", "Hans"): ("Kira", "Leon"),
    ("Gwen", "Ivan"): ("Mona", "Nils"),
    ("Jana", "Finn"): ("Olga",),
    ("Kira", "Paul"): ("Rosa", "Sven"),
    ("Mona", "Quinn"): ("Tara",),
}
WOMEN = {"Ada", "Cleo", "Edda", "Gwen", "Jana", "Kira", "Mona", "Olga", "Rosa", "Tara"}

PERSONS = {  # name: (x, y), the oldest on top
    "Ada": (1.5, 3), "Bert": (2.5, 3), "Cleo": (5.5, 3), "Dirk": (6.5, 3),
    "Jana": (0, 2), "Finn": (1, 2), "Edda": (3, 2), "Hans": (4.5, 2),
    "Gwen": (7, 2), "Ivan": (8.5, 2),
    "Olga": (0.5, 1), "Paul": (2, 1), "Kira": (3.2, 1), "Leon": (4.5, 1),
    "Quinn": (6, 1), "Mona": (7.2, 1), "Nils": (8.5, 1),
    "Rosa": (2, 0), "Sven": (3.2, 0), "Tara": (6.6, 0),
}


def _edges():
    """All edges: list of (person, label, person)."""
    found = []
    for (mother, father), children in COUPLES.items():
        counts = {"daughter": 0, "son": 0}
        for child in children:
            found += [(child, "mother", mother), (child, "father", father)]
            kind = "daughter" if child in WOMEN else "son"
            counts[kind] += 1
            found += [(parent, f"{kind} {counts[kind]}", child)
                      for parent in (mother, father)]
        for child in children:
            counts = {"sister": 0, "brother": 0}
            for other in children:
                if other != child:
                    kind = "sister" if other in WOMEN else "brother"
                    counts[kind] += 1
                    found.append((child, f"{kind} {counts[kind]}", other))
    return found


EDGES = tuple(_edges())


def chains(length):
    """All chains of so many edges, each a list of edges from person to person."""
    if length == 1:
        return [[edge] for edge in EDGES]
    return [[*chain, edge] for chain in chains(length - 1) for edge in EDGES
            if edge[0] == chain[-1][2]]


def numbers_of(chain):
    """The numbers of a chain's labels, as a tuple."""
    return tuple(LABELS.index(label) for _, label, _ in chain)
