"""The paper's equations once more, in NumPy float64, to hold the package against.

Written from the Methods of Graves et al. (2016) alone, never from the code under test,
and on purpose in another manner: one sample at a time, loops over slots and heads, a
real sort for the allocation, arrays named by the paper's symbols.  Slow and plain.

Symbols: N slots, W word size, R read heads, H write heads, U controller units.
A memory state is a dict of one sample:
    M [N, W], u [N], L [H, N, N], p [H, N], ww [H, N], rw [R, N]
and a cell state adds h [U], c [U] (LSTM) and reads [R, W].
An interface is a dict of activated values:
    read_keys [R, W], read_strengths [R], write_keys [H, W], write_strengths [H],
    erase_vectors [H, W], write_vectors [H, W], free_gates [R],
    allocation_gates [H], write_gates [H], read_modes [R, 1 + 2H]
"""

import math

import numpy as np


# ----------------------------------------------------------------- activations

def sigmoid(x):
    """1 / (1 + e^-x), elementwise, safe for large |x|."""
    x = np.asarray(x, np.float64)
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x):
    """log(1 + e^x), elementwise."""
    return np.logaddexp(0.0, np.asarray(x, np.float64))


def oneplus(x):
    """1 + log(1 + e^x), elementwise."""
    return 1.0 + softplus(x)


def softmax(values):
    """Softmax of one vector."""
    top = max(values)
    powers = [math.exp(value - top) for value in values]
    return np.array(powers) / math.fsum(powers)


# ------------------------------------------------------------------ addressing

def cosine(a, b):
    """Cosine of two vectors; 0 where one of them has no length."""
    lengths = math.sqrt(math.fsum(a * a)) * math.sqrt(math.fsum(b * b))
    return math.fsum(a * b) / lengths if lengths > 0.0 else 0.0


def content(M, k, beta, m=1.0):
    """C(M, k, beta, m) [N] of memory [N, W], one key [W], its strength and mask [W]."""
    return softmax([beta * cosine(k * m, row * m) for row in M])


def retention(f, rw):
    """psi_t [N] of free gates f [R] and rw_{t-1} [R, N]."""
    psi = np.ones(rw.shape[1])
    for gate, head in zip(f, rw):
        psi = psi * (1.0 - gate * head)
    return psi


def sharpened(d, s, epsilon=1e-6):
    """(d / max d)^s / sum [N] of a weighting [N] raised by epsilon."""
    d = (d + epsilon) / max(d + epsilon)
    return d ** s / math.fsum(d ** s)


def usage(u, ww, f, rw):
    """u_t [N] of u_{t-1} [N], ww_{t-1} [H, N], free gates f [R], rw_{t-1} [R, N]."""
    result = np.zeros(len(u))
    for n in range(len(u)):
        untouched = 1.0
        for head in ww:
            untouched *= 1.0 - head[n]
        written = 1.0 - untouched
        retention = 1.0                                                # psi_t
        for gate, head in zip(f, rw):
            retention *= 1.0 - gate * head[n]
        result[n] = (u[n] + written - u[n] * written) * retention
    return result


def allocation_one(u, epsilon=0.0):
    """a_t [N] by a walk along the free list; among equals the lower slot is first."""
    u = [epsilon + (1.0 - epsilon) * value for value in u]
    a = np.zeros(len(u))
    full_so_far = 1.0
    for slot in sorted(range(len(u)), key=lambda n: (u[n], n)):        # phi_t
        a[slot] = (1.0 - u[slot]) * full_so_far
        full_so_far *= u[slot]
    return a


def allocation(u, gates, epsilon=0.0):
    """Allocations [H, N], head after head; gates [H] = g^a g^w of each head."""
    simulated = np.array(u, np.float64)
    result = []
    for gate in gates:
        a = allocation_one(simulated, epsilon)
        result.append(a)
        simulated = simulated + (1.0 - simulated) * gate * a
    return np.array(result)


def link(L, p, w):
    """L_t [N, N] of one write head from L_{t-1}, p_{t-1} [N] and w_t [N]."""
    N = len(w)
    result = np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            if i != j:
                result[i, j] = (1.0 - w[i] - w[j]) * L[i, j] + w[i] * p[j]
    return result


def precedence(p, w):
    """p_t [N] of one write head from p_{t-1} [N] and w_t [N]."""
    return (1.0 - math.fsum(w)) * p + w


def forward_weighting(L, w):
    """f [N]: along the links, to what was written next."""
    return np.array([math.fsum(L[i, j] * w[j] for j in range(len(w)))
                     for i in range(len(w))])


def backward_weighting(L, w):
    """b [N]: against the links, to what was written before."""
    return np.array([math.fsum(L[j, i] * w[j] for j in range(len(w)))
                     for i in range(len(w))])


# ---------------------------------------------------------------- the memory

def zero_memory_state(N, W, R, H):
    """The state before the first step of one sample."""
    return {"M": np.zeros((N, W)), "u": np.zeros(N), "L": np.zeros((H, N, N)),
            "p": np.zeros((H, N)), "ww": np.zeros((H, N)), "rw": np.zeros((R, N))}


def memory_step(state, interface, epsilon=0.0, deallocation=False):
    """One write, link and read of one sample -> (reads [R, W], next state).

    Without read_modes in the interface there are no temporal links: a read is a content
    look-up alone, and L and p stay as they are. Masks and link_sharpness [R, 2H] are
    taken if there. deallocation: what is freed is forgotten.
    """
    ones = np.ones_like
    read_masks = interface.get("read_masks", ones(interface["read_keys"]))
    write_masks = interface.get("write_masks", ones(interface["write_keys"]))
    M, xi = state["M"], interface
    heads = range(len(state["ww"]))
    u = usage(state["u"], state["ww"], xi["free_gates"], state["rw"])
    gates = [xi["allocation_gates"][h] * xi["write_gates"][h] for h in heads]
    a = allocation(u, gates, epsilon)

    ww = []
    for h in heads:
        found = content(M, xi["write_keys"][h], xi["write_strengths"][h],
                        write_masks[h])
        g_a, g_w = xi["allocation_gates"][h], xi["write_gates"][h]
        ww.append(g_w * (g_a * a[h] + (1.0 - g_a) * found))
    ww = np.array(ww)

    M_next = np.array(M, np.float64)
    if deallocation:
        M_next = M_next * retention(xi["free_gates"], state["rw"])[:, None]
    for h in heads:
        M_next = M_next * (1.0 - np.outer(ww[h], xi["erase_vectors"][h]))
    for h in heads:
        M_next = M_next + np.outer(ww[h], xi["write_vectors"][h])

    L, p = state["L"], state["p"]
    if "read_modes" in xi:
        L = np.array([link(L[h], p[h], ww[h]) for h in heads])
        p = np.array([precedence(p[h], ww[h]) for h in heads])

    H = len(ww)
    rw, reads = [], []
    for r, previous in enumerate(state["rw"]):
        w = content(M_next, xi["read_keys"][r], xi["read_strengths"][r], read_masks[r])
        if "read_modes" in xi:
            modes = xi["read_modes"][r]
            w = modes[H] * w
            for h in heads:
                b = backward_weighting(L[h], previous)
                f = forward_weighting(L[h], previous)
                if "link_sharpness" in xi:
                    b = sharpened(b, xi["link_sharpness"][r, h])
                    f = sharpened(f, xi["link_sharpness"][r, H + h])
                w = w + modes[h] * b + modes[H + 1 + h] * f
        rw.append(w)
        reads.append(sum(w[n] * M_next[n] for n in range(len(w))))
    return np.array(reads), {"M": M_next, "u": u, "L": L, "p": p, "ww": ww,
                             "rw": np.array(rw)}


# -------------------------------------------------------------- the interface

def interface_size(W, R, H, temporal_links=True):
    """R keys and strengths; H keys, strengths, erases, writes; gates; read modes."""
    modes = R * (1 + 2 * H) if temporal_links else 0
    return R * W + R + H * (3 * W + 1) + R + 2 * H + modes


def split_interface(xi, W, R, H, strength=oneplus, temporal_links=True,
                    masked_content=False, sharpened_links=False):
    """Activated interface of one raw vector xi in the paper's order."""
    rest = list(xi)

    def take(*shape):
        count = int(np.prod(shape))
        values = np.array(rest[:count], np.float64).reshape(shape)
        del rest[:count]
        return values

    parts = {
        "read_keys": take(R, W),
        "read_strengths": strength(take(R)),
        "write_keys": take(H, W),
        "write_strengths": strength(take(H)),
        "erase_vectors": sigmoid(take(H, W)),
        "write_vectors": take(H, W),
        "free_gates": sigmoid(take(R)),
        "allocation_gates": sigmoid(take(H)),
        "write_gates": sigmoid(take(H)),
    }
    if temporal_links:
        parts["read_modes"] = np.array([softmax(row) for row in take(R, 1 + 2 * H)])
    if masked_content:
        parts["read_masks"] = sigmoid(take(R, W))
        parts["write_masks"] = sigmoid(take(H, W))
    if sharpened_links:
        parts["link_sharpness"] = oneplus(take(R, 2 * H))
    assert not rest, f"{len(rest)} interface values too many"
    return parts


# -------------------------------------------------------- controller and cell

def layer_norm(a, epsilon=1e-5):
    """One vector at mean 0 and variance 1 (Ba et al. 2016)."""
    mean = math.fsum(a) / len(a)
    variance = math.fsum((a - mean) ** 2) / len(a)
    return (a - mean) / math.sqrt(variance + epsilon)


def lstm(x, h, c, weights):
    """One LSTM step; the four blocks of the weights are input, forget, cell, output.

    With `gain` each of the four is normalised before the bias.
    """
    U = len(h)
    z = x @ weights["kernel"] + h @ weights["recurrent_kernel"]
    if "gain" in weights:
        blocks = [layer_norm(z[n * U:(n + 1) * U]) for n in range(4)]
        z = np.concatenate(blocks) * weights["gain"]
    z = z + weights["bias"]
    i, f, g, o = (z[n * U:(n + 1) * U] for n in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x, h, c, weights):
    """One GRU step, its reset after the product; blocks: update, reset, candidate.

    h_t = z h_{t-1} + (1 - z) tanh(W x + b + r (U h_{t-1} + b')).
    """
    U = len(h)
    below = x @ weights["kernel"] + weights["bias"][0]
    own = h @ weights["recurrent_kernel"] + weights["bias"][1]
    z, r = (sigmoid(below[n * U:(n + 1) * U] + own[n * U:(n + 1) * U])
            for n in range(2))
    candidate = np.tanh(below[2 * U:] + r * own[2 * U:])
    return z * h + (1.0 - z) * candidate, c


def feedforward(x, h, c, weights):
    """A controller without memory of its own: tanh of one biased map."""
    return np.tanh(x @ weights["kernel"] + weights["bias"]), c


def zero_cell_state(N, W, R, H, U):
    """The state of a whole cell before the first step of one sample."""
    return {**zero_memory_state(N, W, R, H), "h": np.zeros(U), "c": np.zeros(U),
            "reads": np.zeros((R, W))}


def clip(values, limit):
    """values held to [-limit, limit]; no limit if None."""
    return values if limit is None else np.minimum(np.maximum(values, -limit), limit)


def cell_step(x, state, weights, W, R, H, clip_value=None, clip_state=False,
              classic_output=False, strength=oneplus, epsilon=0.0, controller=lstm,
              deallocation=False, **variants):
    """One time step of one sample -> (y, next state).

    weights: kernel [D + R W, 4U], recurrent_kernel [U, 4U], bias [4U], W_xi [U, I],
    and without classic_output W_y [U, Y], W_r [R W, Y]; optional b_xi [I], b_y [Y],
    gain [4U] of a normalised LSTM, gamma_xi and delta_xi [I] of a normalised interface.
    clip_state: the controller's state is clipped as well as its output.
    deallocation: as of memory_step; variants: as of split_interface.
    """
    h, c = controller(np.concatenate([x, state["reads"].ravel()]), state["h"],
                      state["c"], weights)
    out = clip(h, clip_value)
    if clip_state:
        h, c = clip(h, clip_value), clip(c, clip_value)
    xi = out @ weights["W_xi"] + weights.get("b_xi", 0.0)
    if "gamma_xi" in weights:
        xi = weights["gamma_xi"] * layer_norm(xi) + weights["delta_xi"]
    xi = split_interface(xi, W, R, H, strength, **variants)
    reads, memory = memory_step(state, xi, epsilon, deallocation)
    if classic_output:
        y = np.concatenate([out, reads.ravel()])
    else:
        y = out @ weights["W_y"] + reads.ravel() @ weights["W_r"]
        y = clip(y + weights.get("b_y", 0.0), clip_value)
    return y, {**memory, "h": h, "c": c, "reads": reads}


def sequence(x, weights, N, W, R, H, mask=None, resets=None, state=None, **options):
    """A whole sequence of one sample, x [T, D] -> (outputs [T, Y], final state).

    A step with mask[t] false changes nothing and repeats the output before it (zeros
    at the start); a step with resets[t] true starts from the zero state.
    """
    U = len(weights["W_xi"])
    state = zero_cell_state(N, W, R, H, U) if state is None else state
    outputs, last = [], None
    for t in range(len(x)):
        if mask is None or mask[t]:
            if resets is not None and resets[t]:
                state = zero_cell_state(N, W, R, H, U)
            last, state = cell_step(x[t], state, weights, W, R, H, **options)
        outputs.append(last)
    width = next(len(y) for y in outputs if y is not None)
    return np.array([np.zeros(width) if y is None else y for y in outputs]), state
