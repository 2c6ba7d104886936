"""Streams and batches: nothing lost, nothing twice, and exact continuation."""

import functools
import itertools
import json
from collections import Counter

import numpy as np
import pytest
from babi_data import make_stories, needs_real_data, real_stories

from babi.data.batches import (Batch, PackedBatches, PaddedBatches, assemble,
                               choose_lengths, packed_shapes)
from babi.data.encoding import Encoder, story_length
from babi.data.streams import (GeneratedStream, StoryStream, hold_out, permutation,
                               uniforms)
from babi.data.vocabulary import Vocabulary
from babi.stories.story import DataError, Line, Story

STORIES = make_stories({1: 150, 2: 90, 7: 40, 19: 3}, seed=11)
ENCODER = Encoder(Vocabulary.english())
ALL = {(task, index) for task, of_task in STORIES.items()
       for index in range(len(of_task))}
LONGEST = max(story_length(story) for of_task in STORIES.values() for story in of_task)


def make_stream(seed=1, **arguments):
    return StoryStream(STORIES, ENCODER, seed, **arguments)


def packed(stream, **arguments):
    """Packed batches; a row of 60 is shorter than the longest stories."""
    return PackedBatches(stream, **{"rows": 3, "row_length": 60, **arguments})


MAKERS = {
    "packed": packed,
    "packed, no long stories": functools.partial(packed, row_length=200),
    "padded": functools.partial(PaddedBatches, batch_size=5, num_lengths=4),
    "padded, one story": functools.partial(PaddedBatches, batch_size=1),
}


def keys(batch):
    return [(story.task, story.index) for story in batch.stories]


def check_batch(batch, shapes, stories=STORIES):
    """A batch holds each of its stories whole, at its place, and nothing else."""
    arrays = batch.arrays
    assert arrays.inputs.shape in shapes
    assert [array.dtype for array in arrays] == [
        np.int32, np.int32, bool, bool, bool, np.int32, np.int32]
    rest = Batch(*(array.copy() for array in arrays))
    number = 0
    for placed in batch.stories:
        example = ENCODER.encode(stories[placed.task][placed.index], placed.index)
        steps = placed.row, slice(placed.start, placed.start + placed.length)
        assert placed.length == example.inputs.size
        assert rest.mask[steps].all()
        np.testing.assert_array_equal(arrays.inputs[steps], example.inputs)
        np.testing.assert_array_equal(arrays.targets[steps], example.targets)
        np.testing.assert_array_equal(arrays.answers[steps], example.answers)
        np.testing.assert_array_equal(
            arrays.questions[steps],
            np.where(example.answers, example.questions + number, -1))
        assert (arrays.tasks[steps] == placed.task).all()
        assert arrays.resets[steps].tolist() == [True] + [False] * (placed.length - 1)
        assert (placed.first_question, placed.num_questions) == (
            number, example.num_questions)
        number += example.num_questions
        for array, empty in zip(rest, (0, 0, False, False, False, -1, 0)):
            array[steps] = empty
    assert not rest.mask.any() and not rest.inputs.any() and not rest.answers.any()
    assert not rest.resets.any() and (rest.questions == -1).all()
    assert not rest.targets.any() and not rest.tasks.any()


@pytest.mark.parametrize("name", MAKERS)
def test_a_finite_stream_gives_each_story_once_and_whole(name):
    batches = MAKERS[name](make_stream(epochs=1))
    shapes = batches.shapes
    seen = []
    for batch in batches:
        check_batch(batch, shapes)
        seen += keys(batch)
    assert len(seen) == len(ALL) and set(seen) == ALL


@pytest.mark.parametrize("name", MAKERS)
def test_each_epoch_holds_each_story_once(name):
    batches = MAKERS[name](make_stream())
    seen = Counter()
    while seen.total() < 4 * len(ALL):
        seen.update(keys(next(batches)))
    # At most one story pool is still waiting or ahead.
    assert set(seen) == ALL and min(seen.values()) >= 2 and max(seen.values()) <= 6


@pytest.mark.parametrize("name", MAKERS)
def test_a_restart_goes_on_bit_for_bit(name):
    for before in (0, 1, 7, 64, 100):
        batches = MAKERS[name](make_stream())
        for _ in range(before):
            next(batches)
        state = json.loads(json.dumps(batches.state()))
        expected = [next(batches) for _ in range(30)]
        again = MAKERS[name](make_stream())
        next(again)  # a restored iterator may have been used
        again.restore(state)
        for batch in expected:
            found = next(again)
            assert found.stories == batch.stories
            for array, other in zip(found.arrays, batch.arrays):
                np.testing.assert_array_equal(array, other)
        assert again.state() == batches.state()


@pytest.mark.parametrize("before, after", [(40, 1000), (1000, 40)])
def test_stories_that_wait_find_rows_of_another_length(before, after):
    """As with settings that were changed; each of them comes, and comes once."""
    batches = PackedBatches(make_stream(epochs=1), 2, before)
    seen = [key for _ in range(3) for key in keys(next(batches))]
    again = PackedBatches(make_stream(epochs=1), 2, after)
    again.restore(batches.state())
    for batch in again:
        check_batch(batch, again.shapes)
        assert batch.stories
        seen += keys(batch)
    assert len(seen) == len(ALL) and set(seen) == ALL


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_decides_the_order(name):
    def order(seed):
        return [keys(next(batches)) for batches in [MAKERS[name](make_stream(seed))]
                for _ in range(5)]
    assert order(3) == order(3) != order(4)


@pytest.mark.parametrize("name", ["packed", "padded"])
@pytest.mark.parametrize("state", [{}, {"position": 5, "pool": [1]}])
def test_the_state_of_other_batches_is_refused(name, state):
    batches = MAKERS[name](make_stream())
    expected = batches.state()
    with pytest.raises(DataError, match="^data position: .*; use another"):
        batches.restore(state)
    assert batches.state() == expected


def test_no_story_waits_long_for_its_row():
    """While one waits few others come: what fills the pool, and a batch or two."""
    stream = make_stream()
    batches = packed(stream)
    drawn, waits, before = {}, [], 0
    for _ in range(400):
        batch, position = next(batches), batches.state()["position"]
        for number in range(before, position):
            drawn.setdefault(stream.key(number), []).append(number)
        waits += [position - drawn[key].pop(0) for key in keys(batch)]
        before = position
    assert len(waits) > 1000 and 0 < min(waits) and max(waits) < 300


def test_long_stories_come_in_long_rows_with_others():
    batches = packed(make_stream())
    lengths = [length for _, length in batches.shapes]
    assert batches.shapes == [(3, 60), (2, 90), (2, -(-LONGEST // 48) * 48)]
    filled = Counter()
    for _ in range(200):
        batch = next(batches)
        place = batches.shapes.index(batch.arrays.mask.shape)
        of_shape = [story.length for story in batch.stories
                    if place == 0 or story.length > lengths[place - 1]]
        assert max(of_shape) <= lengths[place]
        assert place == 0 or sum(of_shape) > batch.arrays.mask.size / 2
        filled[place] += sum(of_shape) < batch.arrays.mask.sum()
    assert filled[1] and filled[2] and not filled[0]


@pytest.mark.parametrize("rows, length, longest, shapes", [
    (8, 192, 192, [(8, 192)]),
    (8, 191, 190, [(8, 191)]),
    (8, 192, 820, [(8, 192), (4, 384), (2, 864)]),
    (8, 192, 1647, [(8, 192), (4, 384), (2, 768), (2, 1680)]),
    (8, 192, 400, [(8, 192), (4, 432)]),
    (6, 320, 1647, [(6, 320), (4, 480), (2, 960), (2, 1680)]),
    (1, 20, 60, [(1, 20), (2, 96)]),
    (2, 20, 60, [(2, 20), (2, 96)]),
    (3, 100, 97, [(3, 100)]),
])
def test_longer_rows_are_fewer_with_as_many_steps_in_all(rows, length, longest, shapes):
    assert packed_shapes(rows, length, longest) == shapes


def test_stories_for_many_short_rows_do_not_wait_for_half_of_a_batch():
    """64 stories wait at most, which here fill far less than half of the long rows."""
    long = max(STORIES[1], key=story_length)
    stream = StoryStream({1: [long] * 200}, ENCODER, 1, epochs=1)
    batches = PackedBatches(stream, 300, story_length(long) // 2)
    assert [len(batch.stories) for batch in batches] == [128, 72]


def test_only_long_stories_are_packed_too():
    stories = {1: [story for story in STORIES[1] if story_length(story) > 60]}
    batches = PackedBatches(StoryStream(stories, ENCODER, 1), rows=2, row_length=20)
    seen = Counter(key for _ in range(50) for key in keys(next(batches)))
    assert len(seen) == len(stories[1]) > 5


def test_padded_batches_have_few_lengths_and_mixed_tasks():
    batches = PaddedBatches(make_stream(), batch_size=8, num_lengths=5)
    assert len(batches.shapes) <= 5
    lengths, mixed = set(), 0
    for _ in range(200):
        batch = next(batches)
        lengths.add(batch.arrays.mask.shape)
        assert [story.row for story in batch.stories] == list(range(8))
        mixed += max(Counter(story.task for story in batch.stories).values()) <= 4
    assert lengths <= set(batches.shapes)
    # Task 1 has over half of the stories, so some batches must have more of it.
    assert mixed >= 120


def test_the_last_padded_batch_has_empty_rows():
    batches = list(PaddedBatches(make_stream(epochs=1), batch_size=16))
    assert [len(batch.stories) for batch in batches] == [16] * 17 + [len(ALL) - 272]
    assert not batches[-1].arrays.mask[-1].any()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_chosen_lengths_waste_least(count):
    lengths = np.random.default_rng(count).choice([8, 16, 24, 40, 48, 80, 96], 60)
    values = np.unique(lengths)

    def steps(chosen):
        return np.array(chosen)[np.searchsorted(chosen, lengths)].sum()

    best = min(steps(chosen + (96,)) for chosen in
               itertools.combinations(values[values < 96], count - 1))
    found = choose_lengths(lengths, count)
    assert found[-1] == 96 and len(found) == count and (np.diff(found) > 0).all()
    assert steps(found) == best


def test_choosing_more_lengths_than_there_are_gives_all():
    assert choose_lengths(np.array([5, 3, 5]), 12).tolist() == [3, 5]


def test_an_empty_row_is_all_unused():
    batch = assemble([[], [ENCODER.encode(STORIES[19][0])]], 100)
    assert not batch.arrays.mask[0].any()
    assert batch.arrays.mask.sum() == batch.stories[0].length


# As first found: another value would change runs that go on.
PERMUTATION = [5, 6, 9, 3, 2, 1, 0, 8, 4, 7]
UNIFORMS = [0.44841514333227195, 0.4308819875443376, 0.4199991293921922]
HELD_OUT = [7, 9]


def test_orders_are_the_same_on_every_machine():
    assert permutation(10, 1, 2).tolist() == PERMUTATION
    assert uniforms(3, 1, 2).tolist() == UNIFORMS
    training, validation = hold_out({3: 20}, seed=5)
    assert validation[3].tolist() == HELD_OUT
    assert training[3].tolist() == sorted(set(range(20)) - set(HELD_OUT))


def test_a_tenth_of_each_task_is_held_out_whatever_the_others():
    counts = {1: 2000, 4: 10_000, 3: 385, 20: 933, 7: 1}
    training, validation = hold_out(counts, seed=1)
    for task, count in counts.items():
        assert abs(validation[task].size - count / 10) <= 0.5
        both = np.concatenate([training[task], validation[task]])
        assert np.array_equal(np.sort(both), np.arange(count))
        alone = hold_out({task: count}, seed=1)
        assert np.array_equal(alone[1][task], validation[task])
        # Spread over the whole file: the mean is that of uniform draws.
        if count > 100:
            spread = count / np.sqrt(12 * validation[task].size)
            assert abs(validation[task].mean() - count / 2) < 4 * spread
    other = hold_out(counts, seed=2)[1]
    assert not np.array_equal(other[1], validation[1])


def test_a_chosen_part_of_the_stories():
    training, validation = hold_out({task: len(s) for task, s in STORIES.items()}, 1)
    drawn = {name: {key for batch in PaddedBatches(
        make_stream(chosen=chosen, epochs=1), 4) for key in keys(batch)}
        for name, chosen in (("training", training), ("validation", validation))}
    assert drawn["training"] | drawn["validation"] == ALL
    assert not drawn["training"] & drawn["validation"]


def test_sampling_by_task_draws_each_task_equally():
    stream = make_stream(sampling="tasks")
    drawn = [stream.key(position) for position in range(4 * 150)]
    for start in range(0, 600, 4):
        assert sorted(task for task, _ in drawn[start:start + 4]) == [1, 2, 7, 19]
    counts = Counter(drawn)
    assert {counts[1, index] for index in range(150)} == {1}
    assert {counts[19, index] for index in range(3)} == {50}
    firsts = Counter(task for task, _ in drawn[::4])
    assert len(firsts) == 4 and min(firsts.values()) > 20  # tasks in random order


def test_stories_are_drawn_in_another_order_each_epoch():
    stream = make_stream()
    epochs = [[stream.key(position) for position in range(start, start + len(ALL))]
              for start in (0, len(ALL))]
    assert set(epochs[0]) == set(epochs[1]) == ALL and epochs[0] != epochs[1]
    same_place = sum(a == b for a, b in zip(*epochs))
    assert same_place < 10


def test_a_stream_without_stories_is_refused():
    with pytest.raises(ValueError, match="at least one story"):
        StoryStream({1: []}, ENCODER, 1)


def story_at(position, attempt=0):
    return make_stories({1 + position % 3: 1}, seed=position)[1 + position % 3][0]


def test_generated_stories_take_the_place_of_a_list():
    stream = GeneratedStream(story_at, ENCODER, longest=LONGEST)
    batches = packed(stream)
    seen = []
    for _ in range(100):
        batch = next(batches)
        for placed in batch.stories:
            story = story_at(placed.index)
            example = ENCODER.encode(story, placed.index)
            steps = placed.row, slice(placed.start, placed.start + placed.length)
            np.testing.assert_array_equal(batch.arrays.inputs[steps],
                                          example.inputs[:placed.length])
        seen += [placed.index for placed in batch.stories]
    waiting = batches.state()["pool"] + batches.state()["long"]
    assert sorted(seen + waiting) == list(range(batches.state()["position"]))


def test_a_generated_story_is_cut_after_the_last_question_that_fits():
    fact, asked = Line("Mary went there."), Line("Is Mary there?", "yes,no", (1,))
    story = Story(6, (fact, asked, fact, asked, fact, fact))  # 4 6 4 6 4 4 tokens
    for longest, tokens, questions in ((28, 28, 2), (27, 20, 2), (20, 20, 2),
                                       (19, 10, 1), (10, 10, 1)):
        stream = GeneratedStream(lambda position, attempt: story, ENCODER, longest)
        example = stream.example(0)
        assert (stream.length(0), example.num_questions) == (tokens, questions)
        whole = ENCODER.encode(story)
        for array, other in zip(example[2:], whole[2:]):
            np.testing.assert_array_equal(array, other[:tokens])
    stream = GeneratedStream(lambda position, attempt: story, ENCODER, 9)
    with pytest.raises(ValueError, match="none had a question within 9 tokens"):
        stream.example(0)


@needs_real_data
def test_real_stories_fill_packed_rows_in_a_fair_mix():
    stories = real_stories("train")
    training, _ = hold_out({task: len(s) for task, s in stories.items()}, seed=1)
    stream = StoryStream(stories, ENCODER, 1, chosen=training)
    batches = PackedBatches(stream, 4, 480)
    assert batches.shapes == [(4, 480), (2, 1440)]
    real = steps = 0
    drawn = Counter()
    for _ in range(500):
        batch = next(batches)
        real += batch.arrays.mask.sum()
        steps += batch.arrays.mask.size
        tasks = Counter(story.task for story in batch.stories)
        assert len(tasks) > 1
        drawn += tasks
    assert real / steps > 0.96
    total = sum(drawn.values())
    for task, numbers in training.items():
        share = numbers.size / sum(map(len, training.values()))
        deviation = np.sqrt(share / total)
        assert abs(drawn[task] / total - share) < 4 * deviation, task


@needs_real_data
def test_real_test_stories_are_packed_once_each():
    stories = real_stories("test")
    batches = PackedBatches(StoryStream(stories, ENCODER, 1, epochs=1), 4, 480)
    questions = seen = 0
    for number, batch in enumerate(batches):
        seen += len(batch.stories)
        questions += batch.arrays.questions.max() + 1
        if number % 20 == 0:
            check_batch(batch, batches.shapes, stories)
    assert (seen, questions) == (6267, 20_000)


@needs_real_data
@pytest.mark.parametrize("batch_size, share", [(1, 0.88), (16, 0.7)])
def test_real_stories_need_little_padding(batch_size, share):
    batches = PaddedBatches(StoryStream(real_stories("train"), ENCODER, 1), batch_size)
    masks = [next(batches).arrays.mask for _ in range(1000 // batch_size)]
    assert sum(map(np.sum, masks)) > share * sum(mask.size for mask in masks)
    assert len(batches.shapes) <= 12
