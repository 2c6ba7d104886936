"""Simulated stories that come again and again, and new ones in each phase of a run."""

from babi.data.encoding import Encoder
from babi.data.run_data import load
from babi.data.simulated import SimulatedSource
from babi.data.vocabulary import Vocabulary
from babi.phases import phases_of
from babi.simulator import generate_story
from test_simulated import batch_examples, simulated


def test_some_tasks_have_few_stories_told_again_and_again(monkeypatch):
    monkeypatch.setattr("babi.data.simulated.OFFICIAL_STORIES", {16: 5, 20: 7})
    config, told = simulated(tasks=(16, 20), seed=3, repeat_stories="16"), []
    source = SimulatedSource((16, 20), seed=3)
    stream = source.training_stream(
        Encoder(Vocabulary.english()), "tasks",
        change=lambda story, *key: told.append((story, key)) or story,
        repeated=config.tasks_of("repeat_stories"))
    for position in range(40):
        stream.example(position)
    epochs = [[story for story, _ in told if story.task == 16][start:start + 5]
              for start in (0, 5, 10, 15)]
    few = [generate_story(16, 3, number) for number in range(5)]
    assert all(sorted(epoch) == sorted(few) for epoch in epochs)
    assert epochs[0] != epochs[1] and epochs[1] != epochs[2]
    assert len({key for story, key in told if story.task == 16}) == 20
    assert [story for story, _ in told if story.task == 20] == [
        generate_story(20, 3, number) for number in range(20)]


def test_which_stories_are_repeated_can_change_within_a_run(monkeypatch):
    monkeypatch.setattr("babi.data.simulated.OFFICIAL_STORIES", {20: 7})
    config = simulated(tasks=(20,), phases="40 repeat_stories=20")
    data, texts = load(config), []
    for phase in phases_of(config):
        batches, found = data.training(phase.settings, len(texts)), []
        while len(found) < 50:
            found += batch_examples(next(batches)).values()
        texts.append(set(found))
    assert len(texts[0]) > 20 and len(texts[1]) == 7


def test_each_phase_has_stories_of_its_own_but_of_the_repeated_tasks(monkeypatch):
    monkeypatch.setattr("babi.data.simulated.OFFICIAL_STORIES", {16: 5, 20: 7})
    texts = {16: [], 20: []}
    for phase in (0, 1):
        stream = SimulatedSource((16, 20), seed=3).training_stream(
            Encoder(Vocabulary.english()), "tasks", repeated=(16,), phase=phase,
            change=lambda story, *key: found[story.task].append(story) or story)
        found = {16: [], 20: []}
        for position in range(60):
            stream.example(position)
        for task in texts:
            texts[task].append(set(found[task]))
    assert texts[16][0] == texts[16][1] and len(texts[16][0]) == 5
    assert not texts[20][0] & texts[20][1] and len(texts[20][0]) > 25
