"""Turns NumPy's warnings into errors for the whole notebook, and Python's into errors for later cells."""
# %% extra solve-rnn_step_forward
import warnings

old = np.seterr(all="raise", under="ignore")
np.set_printoptions(precision=2, suppress=True)
warnings.simplefilter("error", DeprecationWarning)
np.random.seed(0)
