"""Everything by einsum."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(np.einsum("nd,dh->nh", x, Wx) + np.einsum("nk,kh->nh", prev_h, Wh) + b)
    cache = [x, prev_h, Wx, Wh, next_h]
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = np.einsum("nh,nh->nh", dnext_h, 1 - next_h**2)
    dx, dprev_h = np.einsum("nh,dh->nd", da, Wx), np.einsum("nh,kh->nk", da, Wh)
    dWx, dWh, db = np.einsum("nd,nh->dh", x, da), np.einsum("nk,nh->kh", prev_h, da), np.einsum("nh->h", da)
    return dx, dprev_h, dWx, dWh, db
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = np.einsum("ntd,dm->ntm", x, w) + b
    cache = x, w
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.einsum("ntm,dm->ntd", dout, w), np.einsum("ntd,ntm->dm", x, dout), np.einsum("ntm->m", dout)
    return dx, dw, db
