"""Solve cells that carry the marks of solutions and hidden tests, to have wrong lines cut or kept by the wrong tool.

cheats: word_embedding_forward
"""
# %% cell word_embedding_forward
def word_embedding_forward(x, W):
    ### BEGIN HIDDEN TESTS
    return np.zeros(x.shape + W.shape[1:]), (x, W.shape)
    ### END HIDDEN TESTS
    ### BEGIN SOLUTION
    return W[x], (x, W.shape)
    ### END SOLUTION
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW
