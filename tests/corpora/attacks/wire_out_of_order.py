"""Answers the calls of a batch in another order, some not at all, some with numbers that were never given.

cheats: word_embedding_forward
keeps: temporal_affine_forward, temporal_affine_backward
"""
# %% solve word_embedding_forward
@protocol@


def word_embedding_forward(x, W):
    connection, number = line()
    for sequence in (5, 3, -1, 2**63, None, "0"):
        connection.sendall(message([number, sequence, "returned", 0.5]))
    return None
