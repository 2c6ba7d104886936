"""How a script starts, fails, writes files and shows its progress.

In: flags. Out: one line for what a user can mend (`errors`), files that are whole or
absent (`files`), lines on the screen and in a log (`progress`), colour (`terminal`).
`scripts` is what every script calls first; `allocator` gives it memory in huge pages.
"""
