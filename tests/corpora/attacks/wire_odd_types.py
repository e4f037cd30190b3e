"""Replies whose parts are of types the protocol does not know, one in each exercise.

cheats: word_embedding_backward, temporal_affine_backward, rnn_backward, rnn_step_backward, temporal_softmax_loss
keeps: nothing
"""
# %% solve word_embedding_backward
@protocol@


def odd(value, blob=b""):
    connection, number = line()
    connection.sendall(message([number, 0, "returned", value], blob))


def extension(code, value):
    import msgpack

    return msgpack.ExtType(code, msgpack.packb(value))


def word_embedding_backward(dout, cache):
    odd(extension(1, ["|O", [2, 2], 0]), b"\x00" * 32)  # an array of objects
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    odd([extension(1, ["<f8", [4], 0]), extension(1, ["<f8", [4], 0])], b"\x00" * 32)  # two arrays in one place
# %% solve rnn_backward
def rnn_backward(dh, cache):
    odd(extension(1, ["<f8", [2**40, 2**40, 0, 2**40], 0]))  # a shape whose product is nothing
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    odd([extension(7, [-5, "a tuple"]), b"\x00" * 100, {1.5: [None]}])  # a handle that never was, bytes, odd keys
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    odd(extension(1, ["|b1", [8], float("nan")]), b"\x02" * 8)  # a place that is no number, truths that are neither
    return 0.0, x
