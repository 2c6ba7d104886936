"""The external memory: its state, and one step of write, link and read."""

from typing import NamedTuple

import tensorflow as tf

from dnc import addressing
from dnc.variants import PAPER


# With more slots than these, sorting them is faster than comparing all pairs.
MANY_SLOTS = 256


class MemoryState(NamedTuple):
    """Everything that the memory carries from one step to the next.

    Attributes:
      memory: `[B, N, W]`, M.
      usage: `[B, N]`, u.
      link: `[B, H, N, N]`, L; `link[b, h, i, j]`: slot i written after slot j; None
        without temporal links.
      precedence: `[B, H, N]`, p; None without temporal links.
      write_weighting: `[B, H, N]`, w^w.
      read_weighting: `[B, R, N]`, w^r.
    """

    memory: tf.Tensor
    usage: tf.Tensor
    link: tf.Tensor | None
    precedence: tf.Tensor | None
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor


def shapes(memory_size, word_size, num_read_heads, num_write_heads, variants=PAPER):
    """The shape of each field for one sample, a `MemoryState` of tuples of ints."""
    linked = variants.temporal_links
    return MemoryState(
        memory=(memory_size, word_size),
        usage=(memory_size,),
        link=(num_write_heads, memory_size, memory_size) if linked else None,
        precedence=(num_write_heads, memory_size) if linked else None,
        write_weighting=(num_write_heads, memory_size),
        read_weighting=(num_read_heads, memory_size))


def step(state, interface, usage_gradient=True, variants=PAPER):
    """One step: free and allocate, write, link, read.

    What the interface or the state has not is left out: masks, sharpness, links.

    Args:
      state: `MemoryState` of the step before.
      interface: `dnc.interface.Interface`, after its activations.
      usage_gradient: False stops the gradient that reaches the write weightings
        through usage, as the authors' released code does; the paper does not.
      variants: `dnc.variants.Variants`.

    Returns:
      (read_vectors `[B, R, W]`, the next `MemoryState`).
    """
    with tf.name_scope("write_head"):
        usage, write_weighting = _write_weighting(state, interface, usage_gradient)
        memory = state.memory
        if variants.deallocation:
            with tf.name_scope("deallocation"):
                memory *= retention(state, interface)[:, :, tf.newaxis]
        with tf.name_scope("erase_and_write"):
            memory = addressing.erase_and_write(
                memory, write_weighting,
                interface.erase_vectors, interface.write_vectors)
    link = precedence = None
    if state.link is not None:
        with tf.name_scope("temporal_linkage"):
            link = addressing.link_matrix(
                state.link, state.precedence, write_weighting)
            precedence = addressing.precedence(state.precedence, write_weighting)
    with tf.name_scope("read_heads"):
        read_weighting = _read_weighting(
            memory, link, state.read_weighting, interface)
        with tf.name_scope("read"):
            read_vectors = tf.matmul(read_weighting, memory)
    return read_vectors, MemoryState(
        memory, usage, link, precedence, write_weighting, read_weighting)


def _write_weighting(state, interface, usage_gradient):
    """u_t `[B, N]` and w^w_t `[B, H, N]`."""
    with tf.name_scope("content_addressing"):
        content = addressing.content_weighting(
            state.memory, interface.write_keys, interface.write_strengths,
            interface.write_masks)
    with tf.name_scope("allocation"):
        usage = next_usage(state, interface, usage_gradient)
        allocation = allocate(usage, interface)
    with tf.name_scope("weighting"):
        return usage, addressing.write_weighting(
            allocation, content, interface.allocation_gates, interface.write_gates)


def retention(state, interface):
    """psi_t `[B, N]`, from the `MemoryState` of the step before."""
    return addressing.retention(interface.free_gates, state.read_weighting)


def directions(link, prev_read_weighting, interface):
    """b and f, each `[B, R, H, N]`, sharpened where the interface says how much."""
    return sharpen(
        *addressing.directional_weightings(link, prev_read_weighting), interface)


def sharpen(backward, forward, interface):
    """(backward, forward) as the interface sharpens them; each `[B, R, H, N]`."""
    if interface.link_sharpness is None:
        return backward, forward
    with tf.name_scope("sharpen"):
        return tuple(map(addressing.sharpened, (backward, forward),
                         tf.split(interface.link_sharpness, 2, axis=2)))


def next_usage(state, interface, usage_gradient):
    """u_t `[B, N]`, from the `MemoryState` of the step before; see `step`."""
    previous = state.write_weighting
    with tf.name_scope("usage"):
        return addressing.usage(
            state.usage, previous if usage_gradient else tf.stop_gradient(previous),
            interface.free_gates, state.read_weighting)


def allocate(usage, interface):
    """The allocation weighting of each write head `[B, H, N]`, from u_t."""
    with tf.name_scope("free_list"):
        # Without links many slots are sorted, so that nothing is of size N x N.
        return addressing.allocation_weighting(
            usage, interface.allocation_gates * interface.write_gates,
            interface.read_modes is None and usage.shape[1] > MANY_SLOTS)


def _read_weighting(memory, link, prev_read_weighting, interface):
    """w^r_t `[B, R, N]`."""
    with tf.name_scope("content"):
        content = addressing.content_weighting(
            memory, interface.read_keys, interface.read_strengths, interface.read_masks)
    if link is None:
        return content
    backward, forward = directions(link, prev_read_weighting, interface)
    with tf.name_scope("blend"):
        return addressing.read_weighting(
            backward, content, forward, interface.read_modes)
