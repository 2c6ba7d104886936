"""The 20 bAbI tasks, generated: as many stories as wanted, in the official words.

    from babi.simulator import Options, generate_story, stream
    story = generate_story(task=3, seed=0, index=17)
    for story in stream(tasks=range(1, 21), seed=0, start=1000): ...
    longer = generate_story(3, 0, 17, Options(num_actors=8, length_factor=4))

`python3 -m babi.simulator --output_dir=...` writes files in the official layout;
`python3 -m babi.simulator.fidelity --data_dir=...` compares with the official ones.

In: a task, a seed, a number, `options`. Out: a `babi.stories.story.Story`. Read `words`
(all of them), `chance` (draws that are the same everywhere), `task` (what a task is),
`script` (how a story is written down) and `world` (people who move, take and give),
which the rules of the tasks share: `whereabouts`, `carrying`, `time_reasoning`, `space`
and `reasoning`. `registry` lists the tasks, `generation` numbers their stories,
`output` writes them to files, and `fidelity` compares.
"""

from babi.simulator.generation import (OFFICIAL_STORIES, SPLITS, check_options,
                                       generate_story, options_for, split_of, stream,
                                       version)
from babi.simulator.options import Options
from babi.simulator.registry import TASKS

__all__ = ["OFFICIAL_STORIES", "SPLITS", "TASKS", "Options", "check_options",
           "generate_story", "options_for", "split_of", "stream", "version"]
