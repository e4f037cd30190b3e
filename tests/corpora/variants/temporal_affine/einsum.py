# einsum everywhere.
def temporal_affine_forward(x, w, b):
    out = np.einsum("ntd,dm->ntm", x, w) + b[None, None, :]
    cache = {"x": x, "w": w}
    return out, cache


def temporal_affine_backward(dout, cache):
    dx = np.einsum("ntm,dm->ntd", dout, cache["w"])
    dw = np.einsum("ntd,ntm->dm", cache["x"], dout)
    db = np.einsum("ntm->m", dout)
    return dx, dw, db
