# Caches pushed on a stack and popped on the way back.
def loss(self, features, captions):
    p = self.params
    stack = []
    h0 = np.dot(features, p["W_proj"]) + p["b_proj"]
    out, kept = word_embedding_forward(captions_in, p["W_embed"])
    stack.append(kept)
    out, kept = rnn_forward(out, h0, p["Wx"], p["Wh"], p["b"])
    stack.append(kept)
    out, kept = temporal_affine_forward(out, p["W_vocab"], p["b_vocab"])
    stack.append(kept)
    loss, d = temporal_softmax_loss(out, captions_out, mask, verbose=False)
    d, dW_vocab, db_vocab = temporal_affine_backward(d, stack.pop())
    d, dh0, dWx, dWh, db = rnn_backward(d, stack.pop())
    dW_embed = word_embedding_backward(d, stack.pop())
    grads = dict(
        W_embed=dW_embed, W_proj=np.dot(features.T, dh0), b_proj=np.sum(dh0, axis=0), Wx=dWx, Wh=dWh, b=db,
        W_vocab=dW_vocab, b_vocab=db_vocab,
    )
    return loss, grads
