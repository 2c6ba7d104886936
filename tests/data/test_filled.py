"""Simulated stories that fill a task up."""

from babi.config import Config
from babi.data.run_data import load
from babi.simulator import OFFICIAL_STORIES, generate_story
from babi_data import write_stories


def test_no_story_of_the_files_is_added_where_these_are_simulated_too(tmp_path):
    # The first of seed 0, as `python3 -m babi.simulator` writes them.
    own = [generate_story(20, 0, index) for index in range(40)]
    folder = write_stories(tmp_path, "en-10k", {20: own}, "train")
    config = Config(tasks=(20,), packed_rows=2, fill_tasks="simulated")
    data = load(config, folder)
    held = [tuple(data.validation.example(position).inputs)
            for position in range(data.validation.count)]
    shown, batches = {}, data.training(config)
    while len(shown) < OFFICIAL_STORIES[20] - len(held):
        batch = next(batches)
        shown |= {story.index: tuple(batch.arrays.inputs[
            story.row, story.start:story.start + story.length])
            for story in batch.stories}
    assert len(held) == 4 and not set(held) & set(shown.values())
    assert len(set(shown.values())) == len(shown)
