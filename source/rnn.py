# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# assignment:
#   time_axis: 1
# ---

# %% prose introduction [markdown]
# # 作业二：循环神经网络
#
# ## 1. 引言
#
# 读一句话时，你不会每看到一个词就忘掉前面的词。循环神经网络（recurrent neural network,
# RNN）也是这样：它每一步读入一个新的输入，同时带着上一步留下的**隐藏状态**，于是可以处理长度不定的序列。
#
# 在这份作业里，你只用 NumPy，从一步 RNN 开始，一直写到一个能“看图说话”的模型，最后用自己写的十个函数训练它，看它开口说话：
#
# | 节 | 你要写的函数 | 分值 | 大约用时 |
# |:---|:---|:---:|:---:|
# | 3 RNN 的一步 | `rnn_step_forward`、`rnn_step_backward` | 8 + 12 | 1 小时 |
# | 4 整个序列 | `rnn_forward`、`rnn_backward` | 10 + 14 | 1.5 小时 |
# | 5 词嵌入 | `word_embedding_forward`、`word_embedding_backward` | 6 + 8 | 0.5 小时 |
# | 6 打分与损失 | `temporal_affine_*`、`temporal_softmax_loss` | 6 + 8 + 12 | 1.5 小时 |
# | 7 看图说话 | `CaptioningRNN.loss` | 16 | 1 小时 |
#
# 需要会的：Python、NumPy 的数组运算与广播、矩阵乘法、链式法则。数据都很小，不需要 GPU。

# %% prose rules [markdown]
# ### 怎样做，怎样交
#
# 做完以后，在截止时间之前到 Canvas 上交**一个** `.ipynb` 文件，就是这个文件。有问题，请到课程主页找助教。<!-- facts -->
#
# 三条规则，违反任何一条，整份作业记零分：
#
# 1. **只写 TODO**：只在 `# TODO ▼` 与 `# TODO 结束 ▲` 之间写代码，不改其他任何代码。
# 2. **不导入别的包**：除了已经导入的，不要再导入任何 Python 包；要写的东西请自己动手写，不要调用现成的函数代劳。
# 3. **保留输出**：交上来的文件里，每个单元都要留着运行后的输出。
#
# 想试一试什么，可以自己**加新的单元**，在里面随便打印、画草图；只是函数里不要用到这些单元里的变量，它们不算在答案里。
#
# 每道练习先讲想法和公式，再是要写的单元，最后是检查单元。检查单元锁定了，运行即可：它逐个数组打印误差、门槛和结论，没有通过也不会中断后面的单元。评分时，同样的检查之外还会换上别的数据，所以请照公式写，不要照着检查的数据写。
#
# | | 从头运行一遍 | 保存 |
# |:---|:---|:---|
# | JupyterLab | Kernel → Restart Kernel and Run All Cells… | Ctrl+S |
# | Notebook 7 | Kernel → Restart Kernel and Run All Cells… | Ctrl+S |
# | VS Code | 工具栏 Restart，再 Run All | Ctrl+S |
# | Colab | 代码执行程序 → 重新启动会话并运行所有单元格 | 文件 → 下载 → 下载 .ipynb |

# %% prose letters [markdown]
# 全文用同样的字母表示形状：
#
# | 字母 | 含义 | 字母 | 含义 |
# |:---:|:---|:---:|:---|
# | $N$ | 一批有几个样本（batch） | $V$ | 词表里有几个词 |
# | $T$ | 序列有几步（time steps） | $W$ | 词向量的维数（第 7 节） |
# | $D$ | 输入向量的维数 | $M$ | 仿射层输出的维数 |
# | $H$ | 隐藏状态的维数 | | |
#
# 样本按**行**排列，所以公式写成 $x W$，而不是 $W x$。记号 $\odot$ 是逐元素相乘；代码里的 `dx` 是损失对 `x`
# 的梯度，形状与 `x` 相同。公式里的时刻从 1 数到 $T$，数组的下标从 0 数起，所以第 $t$ 步的输入是 `x[:, t-1, :]`。

# %% prose helpers [markdown]
# ## 2. 准备
#
# 下面几个单元是给定的：导入、三个数值工具、检查器和提示。运行它们，不必修改；折叠起来的也不必读。（VS Code 打开时不折叠，点一下单元左边的竖线就收起来。）
#
# 检查反向传播靠**有限差分**：把 $x$ 的一个分量加减很小的 $\varepsilon$（代码里的参数 `h`），看 $f$ 变了多少，
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2\varepsilon}.$$
#
# 它很慢，但不需要推导，正好用来核对你推导出来的梯度。两者的差别用相对误差衡量：
#
# $$\mathrm{err}(x, y) = \max_i \frac{|x_i - y_i|}{\max(10^{-8},\ |x_i| + |y_i|)}.$$
#
# 误差接近 0 是对的；等于 1 常常意味着一个是零、另一个不是，或者两者符号相反：这样的误差不是“差一点”，而是整项错了。

# %% given imports
import numpy as np


# %% given helpers
from assignment.homework.checker import rel_error, eval_numerical_gradient_array, eval_numerical_gradient


# %% given checks
# @title 检查器（给定，不必读）
from assignment.homework.diagnosis import Row, Diagnosis
from assignment.homework.checker import Check


# %% given hints
# @title 常见错误的提示（给定，不必读）
Check.learn("")


# %% check environment 0
# 检查准备工作：有限差分求出的导数应与公式一致。
@Check.of("environment", helpers=0)
def check(check):
    x = np.linspace(-1, 1, num=6).reshape(2, 3)
    check.slope("helpers", np.cos(x), lambda x: np.sum(np.sin(x)), x, 1e-8)


### BEGIN HIDDEN TESTS
SEED = globals().get("SEED", 0)  # the examiner draws one for every submission; any seed must do


def drawn(key, *shapes, scale=1.0):
    """Arrays of these shapes, uniform in -scale .. scale; the same key gives the same arrays."""
    rng = np.random.default_rng([SEED, *key])
    return [rng.uniform(-scale, scale, shape) for shape in shapes]


class Truth:
    """What the hidden checks compare with, written apart from the solution.

    The backwards are formulas of their own; the project's tests hold them to slopes, which perturbs the forwards: these
    take complex numbers and extra leading axes, so that a whole batch of perturbed arrays goes through at once.
    """

    @staticmethod
    def slopes(f, *arrays):
        """Gradients of the number f(*arrays), one per array, by the complex step Im f(a + i eps e) / eps: exact."""
        grads = []
        for i, a in enumerate(arrays):
            nudged = a + 1e-30j * np.eye(a.size).reshape(a.size, *a.shape)
            grads.append(f(*arrays[:i], nudged, *arrays[i + 1 :]).imag.reshape(a.shape) / 1e-30)
        return grads

    @staticmethod
    def one_hot(index, size):
        """index (...) -> (..., size): 1 at the index, 0 elsewhere."""
        return (np.asarray(index)[..., None] == np.arange(size)).astype(float)

    @staticmethod
    def step(x, prev_h, Wx, Wh, b):
        """x (..., N, D), prev_h (..., N, H) -> (..., N, H)."""
        return np.tanh(x @ Wx + prev_h @ Wh + b[..., None, :])

    @staticmethod
    def sequence(x, h0, Wx, Wh, b):
        """x (..., N, T, D), h0 (..., N, H) -> (..., N, T, H)."""
        states = [h0]
        for t in range(x.shape[-2]):
            states.append(Truth.step(x[..., t, :], states[-1], Wx, Wh, b))
        return np.stack(states[1:], axis=-2)

    @staticmethod
    def embedding(x, W):
        """x (N, T) integers, W (..., V, D) -> (..., N, T, D)."""
        return Truth.one_hot(x, W.shape[-2]) @ W[..., None, :, :]

    @staticmethod
    def affine(x, w, b):
        """x (..., N, T, D), w (..., D, M), b (..., M) -> (..., N, T, M)."""
        return x @ w[..., None, :, :] + b[..., None, None, :]

    @staticmethod
    def softmax_loss(x, y, mask):
        """x (..., N, T, V), y (N, T), mask (N, T) -> (...)."""
        x = x - x.real.max(axis=-1, keepdims=True)
        right = x[..., np.arange(len(y))[:, None], np.arange(y.shape[1]), y]
        return np.sum(mask * (np.log(np.sum(np.exp(x), axis=-1)) - right), axis=(-2, -1)) / len(y)

    @staticmethod
    def captioning(features, captions, null, W_embed, W_proj, b_proj, Wx, Wh, b, W_vocab, b_vocab):
        """features (N, D), captions (N, T) -> (...)."""
        h0 = features @ W_proj + b_proj[..., None, :]
        h = Truth.sequence(Truth.embedding(captions[:, :-1], W_embed), h0, Wx, Wh, b)
        return Truth.softmax_loss(Truth.affine(h, W_vocab, b_vocab), captions[:, 1:], captions[:, 1:] != null)

    @staticmethod
    def sequence_back(dh, x, h0, Wx, Wh, b):
        """dh (N, T, H) -> dx, dh0, dWx, dWh, db: all da (N, T, H) first, the sums over n and t afterwards."""
        h = Truth.sequence(x, h0, Wx, Wh, b)
        before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
        da, later = np.zeros_like(dh), np.zeros_like(h0)
        for t in reversed(range(dh.shape[1])):
            da[:, t] = (dh[:, t] + later) * (1 - h[:, t] ** 2)
            later = da[:, t] @ Wh.T
        dWx, dWh = (np.tensordot(a, da, axes=([0, 1], [0, 1])) for a in (x, before))
        return da @ Wx.T, later, dWx, dWh, da.sum(axis=(0, 1))

    @staticmethod
    def step_back(dnext_h, x, prev_h, Wx, Wh, b):
        """dnext_h (N, H) -> dx, dprev_h, dWx, dWh, db: a sequence of one step."""
        dx, dprev_h, dWx, dWh, db = Truth.sequence_back(dnext_h[:, None], x[:, None], prev_h, Wx, Wh, b)
        return dx[:, 0], dprev_h, dWx, dWh, db

    @staticmethod
    def embedding_back(dout, x, W):
        """dout (N, T, D) -> dW (V, D)."""
        places = x[..., None] * W.shape[1] + np.arange(W.shape[1])
        return np.bincount(places.ravel(), dout.ravel(), W.size).reshape(W.shape)

    @staticmethod
    def affine_back(dout, x, w, b):
        """dout (N, T, M) -> dx, dw, db."""
        return dout @ w.T, np.tensordot(x, dout, axes=([0, 1], [0, 1])), dout.sum(axis=(0, 1))

    @staticmethod
    def softmax_back(x, y, mask):
        """x (N, T, V) -> dx."""
        p = np.exp(x - x.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        p[np.arange(len(y))[:, None], np.arange(y.shape[1]), y] -= 1
        return p * mask[..., None] / len(y)

    @staticmethod
    def captioning_back(features, captions, null, W_embed, W_proj, b_proj, Wx, Wh, b, W_vocab, b_vocab):
        """features (N, D), captions (N, T) -> gradients in the order of the parameters."""
        words, target = captions[:, :-1], captions[:, 1:]
        h0, x = features @ W_proj + b_proj, Truth.embedding(words, W_embed)
        h = Truth.sequence(x, h0, Wx, Wh, b)
        dscores = Truth.softmax_back(Truth.affine(h, W_vocab, b_vocab), target, target != null)
        dh, dW_vocab, db_vocab = Truth.affine_back(dscores, h, W_vocab, b_vocab)
        dx, dh0, dWx, dWh, db = Truth.sequence_back(dh, x, h0, Wx, Wh, b)
        dW_embed = Truth.embedding_back(dx, words, W_embed)
        return dW_embed, features.T @ dh0, dh0.sum(axis=0), dWx, dWh, db, dW_vocab, db_vocab


with check.hidden("复数步长"):
    x = np.linspace(-1, 1, num=6).reshape(2, 3)
    check.near("helpers", Truth.slopes(lambda x: np.sum(np.sin(x), axis=(-2, -1)), x)[0], np.cos(x), 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose one-step-idea [markdown]
# ## 3. RNN 的一步
#
# 普通的全连接网络一次看完全部输入，输入的长度就定死了。RNN
# 换了一个办法：**同一组参数在每个时刻重复使用**，时刻之间只传递一个隐藏状态 $h_t$。它像一份不断改写的笔记：读入
# $x_t$，参考旧笔记 $h_{t-1}$，写出新笔记 $h_t$。
#
# ![展开的 RNN：h0 出发，每一步读入一个 x，得到一个 h](figures/unrolled.png)
#
# 这样做有两个好处：参数的个数与序列长度无关，一个位置学到的规律在别的位置也能用。

# %% prose rnn_step_forward [markdown]
# ### 3.1 一步的前向
#
# 先把输入和旧状态各做一次线性变换，相加，再经过 $\tanh$：
#
# $$a_t = x_t W_x + h_{t-1} W_h + b, \qquad h_t = \tanh(a_t).$$
#
# 形状：$x_t\,(N, D)$，$h_{t-1}\,(N, H)$，$W_x\,(D, H)$，$W_h\,(H, H)$，$b\,(H,)$，得到 $h_t\,(N, H)$。
#
# 为什么是 $\tanh$？它把每个分量压到 $(-1, 1)$ 之间，状态不会越滚越大；它以零为中心，状态有正有负；它的导数由输出就能算出来。代价是**饱和**：$|a|$
# 很大时曲线是平的，导数几乎为零，梯度就传不过去了。
#
# 看一个最小的例子：各维都是 1，$W_x = W_h = 1$，$b = 0$，$h_0 = 0$，输入是 $1, 0, 0$。状态依次约为
# $0.76,\ 0.64,\ 0.57$：后两步没有新的输入，第一步的输入却还留有痕迹，这就是“记忆”。
#
# `cache` 由你决定：反向传播时要用到什么，就放什么。


# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """Run one step of a tanh RNN.

    x: input (N, D)
    prev_h: hidden state of the previous step (N, H)
    Wx: input-to-hidden weights (D, H)
    Wh: hidden-to-hidden weights (H, H)
    b: biases (H,)

    Returns next_h, the new hidden state (N, H), and cache, whatever the backward pass needs.
    """
    # TODO ▼▼▼▼▼▼▼▼ 按公式算出 next_h，并把反向传播要用的东西放进 cache。
    ### BEGIN SOLUTION
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return next_h, cache


# %% check rnn_step_forward 8
# 检查一步的前向：用固定的小数据算出 next_h，与参考值比较。
@Check.of("rnn_step_forward", next_h=8)
def check(check):
    N, D, H = 3, 10, 4
    x = np.linspace(-0.4, 0.7, num=N * D).reshape(N, D)
    prev_h = np.linspace(-0.2, 0.5, num=N * H).reshape(N, H)
    Wx = np.linspace(-0.1, 0.9, num=D * H).reshape(D, H)
    Wh = np.linspace(-0.3, 0.7, num=H * H).reshape(H, H)
    b = np.linspace(-0.2, 0.4, num=H)
    expected_next_h = np.array(
        [
            [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
            [0.66854692, 0.79562378, 0.87755553, 0.92795967],
            [0.97934501, 0.99144213, 0.99646691, 0.99854353],
        ]
    )
    next_h, cache = check.call(rnn_step_forward, x, prev_h, Wx, Wh, b)
    check.near("next_h", next_h, expected_next_h, 1e-8, axes="n ")


### BEGIN HIDDEN TESTS
for number, (block, N, D, H, scale) in enumerate(
    (
        ("新数据", 5, 3, 4, 1),
        ("第一组的形状", 3, 10, 4, 1),
        ("同样的形状，别的权重", 3, 10, 4, 1),
        ("N=1", 1, 4, 3, 1),
        ("D=1", 3, 1, 4, 1),
        ("H=1", 3, 4, 1, 1),
        ("N=D=H", 4, 4, 4, 1),
        ("很大的输入", 3, 5, 4, 5),
    )
):
    with check.hidden(block):
        inputs = drawn((1, number), (N, D), (N, H), (D, H), (H, H), (H,), scale=scale)
        want = Truth.step(*inputs)
        next_h, cache = rnn_step_forward(*inputs)
        check.near("next_h", next_h, want, 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose rnn_step_backward [markdown]
# ### 3.2 一步的反向
#
# 已知损失 $L$ 对输出的梯度 $\dfrac{\partial L}{\partial h_t}$（代码里的
# `dnext_h`），求它对五个输入的梯度。检查里 `dnext_h` 是随机的：它代替了后面的整个网络，不管后面接的是什么，你的公式都应当成立。
#
# ![一步的计算图：黑色是前向，红色是反向，方框边上是局部导数](figures/step.png)
#
# 沿着前向的计算倒着走，先穿过 $\tanh$：因为 $\tanh'(a) = 1 - \tanh^2(a)$，
#
# $$\frac{\partial L}{\partial a_t} = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2) \qquad (N, H).$$
#
# 再穿过线性变换 $A = X W + b$。只看 $W$ 的一个元素 $W_{ij}$，它出现在每个样本的第 $j$ 个输出里：
#
# $$A_{nj} = \dots + X_{ni} W_{ij} + \dots \;\Rightarrow\; \frac{\partial A_{nj}}{\partial W_{ij}} = X_{ni}
# \;\Rightarrow\; \frac{\partial L}{\partial W_{ij}} = \sum_n X_{ni} \frac{\partial L}{\partial A_{nj}}.$$
#
# 写回矩阵，对 $X$ 和 $b$ 也照此办理，就是
#
# $$\frac{\partial L}{\partial X} = \frac{\partial L}{\partial A}\, W^\top, \qquad
# \frac{\partial L}{\partial W} = X^\top \frac{\partial L}{\partial A}, \qquad
# \frac{\partial L}{\partial b} = \sum_n \frac{\partial L}{\partial A_n}.$$
#
# 拿不准转置放哪边时看形状：`dWx` 必须与 `Wx` 一样是 $(D, H)$，只有一种乘法凑得出来。但是当心：`Wh`
# 是**方阵**，转置错了形状也一样，程序不会报错，只有数值不对。偏置 $b$ 被 $N$ 个样本共用，所以它的梯度要对样本求和。
#
# 接着 3.1 节的小例子手算一次：走到第三步，$h_2 \approx 0.64$，$h_3 \approx 0.57$，设上游梯度是 1。先得到 $1 - 0.57^2 \approx 0.68$，这就是对
# $a_3$ 的梯度；于是 $\mathrm{dprev\_h} = 0.68 \times W_h = 0.68$，$\mathrm{dW_h} = h_2 \times 0.68 \approx 0.43$，$\mathrm{db} = 0.68$；输入是 0，所以
# $\mathrm{dW_x} = 0$。


# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    """Backward pass of one step of a tanh RNN.

    dnext_h: gradient of the loss with respect to the step's output (N, H)
    cache: what the forward pass kept

    Returns dx (N, D), dprev_h (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # TODO ▼▼▼▼▼▼▼▼ 先求对 tanh 之前的量的梯度，再求五个输入的梯度。
    ### BEGIN SOLUTION
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)  # tanh'(a) = 1 - tanh(a)^2
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return dx, dprev_h, dWx, dWh, db


# %% check rnn_step_backward 12
# 检查一步的反向：五个梯度都与有限差分比较。
@Check.of("rnn_step_backward", dx=2.4, dprev_h=2.4, dWx=2.4, dWh=2.4, db=2.4)
def check(check):
    np.random.seed(231)
    N, D, H = 4, 5, 6
    x = np.random.randn(N, D)
    h = np.random.randn(N, H)
    Wx = np.random.randn(D, H)
    Wh = np.random.randn(H, H)
    b = np.random.randn(H)
    dnext_h = np.random.randn(N, H)
    next_h, cache = check.call(rnn_step_forward, x, h, Wx, Wh, b)
    dx, dprev_h, dWx, dWh, db = check.call(rnn_step_backward, dnext_h.copy(), cache)
    for part, got, array in (("dx", dx, x), ("dprev_h", dprev_h, h), ("dWx", dWx, Wx), ("dWh", dWh, Wh), ("db", db, b)):
        check.slope(part, got, lambda _: rnn_step_forward(x, h, Wx, Wh, b)[0], array, 1e-8, dnext_h)


### BEGIN HIDDEN TESTS
def step_case(key, N, D, H):
    """The inputs of a step whose tanh is not saturated, so that no right formula loses digits."""
    inputs = drawn(key, (N, D), (N, H), (D, H), (H, H), (H,))
    scale = 1 / np.sqrt(1 + (D + H) / 10)
    return [*inputs[:2], inputs[2] * scale, inputs[3] * scale, inputs[4]]


for number, (block, N, D, H, size) in enumerate(
    (
        ("第一组的形状", 4, 5, 6, 1),
        ("同样的形状，别的权重", 4, 5, 6, 1),
        ("N=1", 1, 4, 3, 1),
        ("D=1", 3, 1, 4, 1),
        ("H=1", 3, 4, 1, 1),
        ("N=D=H", 4, 4, 4, 1),
        ("很大的上游梯度", 3, 4, 2, 1e4),
        ("较大的数据", 1, 340, 340, 1),
    )
):
    with check.hidden(block):
        inputs, (dnext_h,) = step_case((2, number), N, D, H), drawn((2, number, 1), (N, H), scale=size)
        want = Truth.step_back(dnext_h, *inputs)
        next_h, cache = rnn_step_forward(*inputs)
        for part, got, grad in zip(check.parts, rnn_step_backward(dnext_h, cache), want, strict=True):
            check.near(part, got, grad, 1e-8)
with check.hidden("两次前向之后"):
    cases = [(step_case((2, 90, k), 2, 3, 4), drawn((2, 91, k), (2, 4))[0]) for k in range(2)]
    wants = [Truth.step_back(dnext_h, *inputs) for inputs, dnext_h in cases]
    caches = [rnn_step_forward(*inputs)[1] for inputs, _ in cases]
    for (_, dnext_h), cache, want in zip(cases, caches, wants, strict=True):
        for part, got, grad in zip(check.parts, rnn_step_backward(dnext_h, cache), want, strict=True):
            check.near(part, got, grad, 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose rnn_forward [markdown]
# ## 4. 整个序列
#
# ### 4.1 序列的前向
#
# 现在把 $T$ 步连起来。第 $t$ 步的输入是 $x_t$，在代码里是 `x[:, t-1, :]`；状态从 $h_0$ 开始一路传下去：
#
# $$h_t = \mathrm{step}(x_t, h_{t-1};\ W_x, W_h, b), \qquad t = 1, \dots, T.$$
#
# 形状：$x\,(N, T, D)$，$h_0\,(N, H)$，输出 $h\,(N, T, H)$ 收集了**每一步**的状态（不含 $h_0$），$h_t$ 放在 `h[:, t-1, :]`。第 $t$ 步要等第 $t-1$
# 步，所以时间上的循环省不掉；请调用你写好的 `rnn_step_forward`。


# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    """Run a tanh RNN over a whole sequence.

    x: inputs of all steps (N, T, D)
    h0: initial hidden state (N, H)
    Wx: input-to-hidden weights (D, H)
    Wh: hidden-to-hidden weights (H, H)
    b: biases (H,)

    Returns h, the hidden states of all steps (N, T, H), and cache, whatever the backward pass needs.
    """
    # TODO ▼▼▼▼▼▼▼▼ 用 rnn_step_forward 一步一步算，把每一步的状态放进 h，每一步的 cache 也留好。
    ### BEGIN SOLUTION
    steps = range(x.shape[1])
    h = np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=h0.dtype)
    cache = []
    state = h0
    for t in steps:
        state, step_cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        h[:, t] = state
        cache.append(step_cache)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return h, cache


# %% check rnn_forward 10
# 检查序列的前向：用固定的小数据算出每一步的状态，与参考值比较。
@Check.of("rnn_forward", h=10)
def check(check):
    N, T, D, H = 2, 3, 4, 5
    x = np.linspace(-0.1, 0.3, num=N * T * D).reshape(N, T, D)
    h0 = np.linspace(-0.3, 0.1, num=N * H).reshape(N, H)
    Wx = np.linspace(-0.2, 0.4, num=D * H).reshape(D, H)
    Wh = np.linspace(-0.4, 0.1, num=H * H).reshape(H, H)
    b = np.linspace(-0.7, 0.1, num=H)
    expected_h = np.array(
        [
            [
                [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
                [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
                [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
            ],
            [
                [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
                [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
                [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
            ],
        ]
    )
    h, cache = check.call(rnn_forward, x, h0, Wx, Wh, b)
    check.near("h", h, expected_h, 1e-7, axes="nt ")


### BEGIN HIDDEN TESTS
for number, (block, N, T, D, H) in enumerate(
    (
        ("新数据", 3, 6, 2, 4),
        ("第一组的形状", 2, 3, 4, 5),
        ("同样的形状，别的权重", 2, 3, 4, 5),
        ("N=1", 1, 3, 4, 2),
        ("T=1", 4, 1, 3, 5),
        ("D=1", 2, 3, 1, 4),
        ("H=1", 2, 3, 4, 1),
        ("N=1, T=1", 1, 1, 2, 3),
        ("N=T=D=H", 3, 3, 3, 3),
        ("T=30", 2, 30, 3, 4),
    )
):
    with check.hidden(block):
        inputs = drawn((3, number), (N, T, D), (N, H), (D, H), (H, H), (H,))
        inputs[3] /= 1 + T / 20  # over many steps rounding must not grow
        want = Truth.sequence(*inputs)
        h, cache = rnn_forward(*inputs)
        check.near("h", h, want, 1e-7)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose rnn_backward [markdown]
# ### 4.2 沿时间反向传播
#
# 这就是 BPTT（backpropagation through time）。每一步的状态 $h_t$
# 有两个去处：它是这一步的**输出**，又是下一步的**输入**。损失沿两条路流回来，两份梯度要**相加**：
#
# $$\frac{\partial L}{\partial h_t}\bigg|_{\text{合计}}
# = \underbrace{\mathrm{dh}_t}_{\text{来自输出}}
# + \underbrace{\mathrm{dprev\_h}_{t+1}}_{\text{来自下一步}}, \qquad \mathrm{dprev\_h}_{T+1} = 0.$$
#
# ![反向：从最后一步走到第一步，每一步先把两路梯度相加](figures/unrolled_back.png)
#
# 于是从最后一步走到第一步，每步调用 `rnn_step_backward`。参数在每一步都用过一次，所以 `dWx`、`dWh`、`db`
# 是各步梯度的**和**；走完第一步传出来的就是 `dh0`。
#
# 把各步连起来看，$h_T$ 对 $h_t$ 的影响是一串矩阵的乘积（按行向量的写法，梯度从右边乘）：
#
# $$\frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial h_T}\;
# \prod_{k=T}^{t+1} \operatorname{diag}(1 - h_k^2)\, W_h^\top .$$
#
# 同一个 $W_h^\top$ 乘了许多次：它大，梯度就爆炸；它小，梯度就消失。写完这一节，下面有一个实验让你亲眼看到。


# %% solve rnn_backward
def rnn_backward(dh, cache):
    """Backward pass of a tanh RNN over a whole sequence.

    dh: gradient of the loss with respect to every step's output (N, T, H); it does not contain
        what flows back from the next step
    cache: what the forward pass kept

    Returns dx (N, T, D), dh0 (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    # TODO ▼▼▼▼▼▼▼▼ 从最后一步到第一步调用 rnn_step_backward，两路梯度相加，参数的梯度累加。
    ### BEGIN SOLUTION
    dx, dWx, dWh, db = [], 0, 0, 0
    dh0 = 0  # what flows back from the step after the last: nothing
    for t in reversed(range(dh.shape[1])):
        dxt, dh0, dWxt, dWht, dbt = rnn_step_backward(dh[:, t] + dh0, cache[t])
        dx.insert(0, dxt)
        dWx, dWh, db = dWx + dWxt, dWh + dWht, db + dbt
    dx = np.stack(dx, axis=1)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return dx, dh0, dWx, dWh, db


# %% check rnn_backward 14
# 检查序列的反向：五个梯度都与有限差分比较。
@Check.of("rnn_backward", dx=2.8, dh0=2.8, dWx=2.8, dWh=2.8, db=2.8)
def check(check):
    np.random.seed(231)
    N, D, T, H = 2, 3, 10, 5
    x = np.random.randn(N, T, D)
    h0 = np.random.randn(N, H)
    Wx = np.random.randn(D, H)
    Wh = np.random.randn(H, H)
    b = np.random.randn(H)
    dout = np.random.randn(N, T, H)
    out, cache = check.call(rnn_forward, x, h0, Wx, Wh, b)
    dx, dh0, dWx, dWh, db = check.call(rnn_backward, dout.copy(), cache)
    for part, got, array in (("dx", dx, x), ("dh0", dh0, h0), ("dWx", dWx, Wx), ("dWh", dWh, Wh), ("db", db, b)):
        axes = "nt " if part == "dx" else ""
        check.slope(part, got, lambda _: rnn_forward(x, h0, Wx, Wh, b)[0], array, 1e-6, dout, axes=axes)


### BEGIN HIDDEN TESTS
def sequence_case(key, N, T, D, H):
    """The inputs of a sequence whose tanh is not saturated, so that no right formula loses digits."""
    inputs = drawn(key, (N, T, D), (N, H), (D, H), (H, H), (H,))
    scale = 1 / np.sqrt(1 + (D + H) / 10)
    return [*inputs[:2], inputs[2] * scale, inputs[3] * scale, inputs[4]]


for number, (block, N, T, D, H, size) in enumerate(
    (
        ("第一组的形状", 2, 10, 3, 5, 1),
        ("同样的形状，别的权重", 2, 10, 3, 5, 1),
        ("N=1", 1, 3, 4, 2, 1),
        ("T=1", 2, 1, 3, 4, 1),
        ("D=1", 2, 3, 1, 4, 1),
        ("H=1", 2, 3, 4, 1, 1),
        ("N=T=D=H", 3, 3, 3, 3, 1),
        ("T=30", 2, 30, 3, 4, 1),
        ("很大的上游梯度", 2, 4, 3, 2, 1e4),
        ("较大的数据", 1, 2, 260, 260, 1),
    )
):
    with check.hidden(block):
        inputs, (dh,) = sequence_case((4, number), N, T, D, H), drawn((4, number, 1), (N, T, H), scale=size)
        want = Truth.sequence_back(dh, *inputs)
        h, cache = rnn_forward(*inputs)
        for part, got, grad in zip(check.parts, rnn_backward(dh, cache), want, strict=True):
            check.near(part, got, grad, 1e-6)
with check.hidden("两次前向之后"):
    cases = [(sequence_case((4, 90, k), 2, 3, 4, 2), drawn((4, 91, k), (2, 3, 2))[0]) for k in range(2)]
    wants = [Truth.sequence_back(dh, *inputs) for inputs, dh in cases]
    caches = [rnn_forward(*inputs)[1] for inputs, _ in cases]
    for (_, dh), cache, want in zip(cases, caches, wants, strict=True):
        for part, got, grad in zip(check.parts, rnn_backward(dh, cache), want, strict=True):
            check.near(part, got, grad, 1e-6)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose journey [markdown]
# ### 4.3 实验：梯度走 50 步（不计分）
#
# **先猜再运行**：序列有 50 步，只有最后一步的输出影响损失。把 $W_h$ 放大或缩小一点，损失对每一步状态的梯度会怎样？猜好了再运行下面两个单元。


# %% play drawing-tools
# @title 画图工具（给定，不必读）
class Drawing:
    """An SVG picture that a notebook shows when it is the last value of a cell."""

    def __init__(self, width, height, parts):
        self.text = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            f'font-size="13"><rect width="{width}" height="{height}" rx="8" fill="#fff"/>{"".join(parts)}</svg>'
        )

    def _repr_svg_(self):
        return self.text

    def __repr__(self):  # what is shown of a notebook that came from somebody else
        return "（一张图，运行这个单元就看得到）"

    @classmethod
    def lines(cls, curves, title, below, log=False):
        """Curves by name over their index; log: on a logarithmic scale."""
        values = {name: np.log10(np.maximum(y, 1e-300)) if log else np.asarray(y) for name, y in curves.items()}
        low, high = min(v.min() for v in values.values()), max(v.max() for v in values.values())
        parts = [f'<text x="60" y="22" font-weight="bold">{title}</text><text x="250" y="292">{below}</text>']
        for k in range(5):
            tick, y = low + (high - low) * k / 4, 260 - 215 * k / 4
            label = f"1e{tick:.0f}" if log else f"{tick:.2f}"
            parts.append(f'<path d="M60 {y}H540" stroke="#ddd"/><text x="8" y="{y + 4}">{label}</text>')
        for k, (name, v) in enumerate(values.items()):
            colour = ("#0b62c4", "#c2410c", "#157347")[k % 3]
            x, y = 60 + 480 * np.arange(len(v)) / (len(v) - 1), 260 - 215 * (v - low) / (high - low)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.stack([x, y], axis=1))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<text x="550" y="{60 + 22 * k}" fill="{colour}">{name}</text>')
        return cls(720, 305, parts)

    @classmethod
    def gallery(cls, pictures, sentences, columns=4):
        """Small square pictures, each over its sentence; a sentence that is wrong is red."""
        parts = []
        for k, (picture, (sentence, right)) in enumerate(zip(pictures, sentences)):
            left, top, size = 20 + k % columns * 180, 15 + k // columns * 130, 8
            parts.append(f'<rect x="{left}" y="{top}" width="96" height="96" fill="#e8eef5"/>')
            for i, j in np.argwhere(picture > 0.5):
                parts.append(f'<rect x="{left + j * size}" y="{top + i * size}" width="8" height="8" fill="#23425f"/>')
            colour = "#157347" if right else "#b02a37"
            parts.append(f'<text x="{left}" y="{top + 114}" fill="{colour}">{sentence}</text>')
        return cls(20 + columns * 180, 15 + -(-len(sentences) // columns) * 130, parts)


# %% play journey
# 实验：W_h 的三种大小，梯度从第 50 步往回走，用的是你写的 rnn_forward 和 rnn_backward。
def journey(scale, T=50, H=30):
    """The size of the gradient of the last state with respect to the state k steps earlier, k = 1 .. T."""
    rng = np.random.default_rng(3)
    x, h0 = 0.1 * rng.standard_normal((1, T, H)), np.zeros((1, H))
    Wx, Wh, b = np.eye(H), scale * np.linalg.qr(rng.standard_normal((H, H)))[0], np.zeros(H)
    dlast, sizes = rng.standard_normal((1, H)), []
    for k in range(1, T + 1):
        h, cache = rnn_forward(x[:, T - k :], h0, Wx, Wh, b)
        dh = np.zeros_like(h)
        dh[:, -1] = dlast
        sizes.append(np.linalg.norm(rnn_backward(dh, cache)[1]))
    return np.array(sizes)


picture = None
if Check.ready("rnn_forward", "rnn_backward"):
    curves = {f"W_h 的尺度 {scale}": journey(scale) for scale in (0.7, 1.0, 1.4)}
    picture = Drawing.lines(curves, "走过 k 步以后，梯度的大小（对数坐标）", "k：往回走了几步", log=True)
picture

# %% prose journey-after [markdown]
# 尺度小于 1 时，每走一步梯度就缩小一截，走到头几乎什么也不剩：这叫**梯度消失**，网络学不会相隔很远的关系。尺度大于 1 时它先变大，直到 $\tanh$ 的饱和把它压住；没有饱和的地方就是**梯度爆炸**。
#
# 对付爆炸，常用**梯度裁剪**（gradient clipping）：梯度太长就按比例缩短。对付消失，要换一种状态的更新方法，让梯度有一条不必反复乘 $W_h^\top$ 的路：这就是 **LSTM** 和 **GRU**。（作业里的函数**不要**裁剪梯度，它们算的就是梯度本身。）

# %% prose word_embedding_forward [markdown]
# ## 5. 词嵌入
#
# 网络只认数，不认词。先把词编号：词表里有 $V$ 个词，一个词就是 $0$ 到 $V-1$ 之间的一个整数。但编号的大小没有意义，5
# 号词并不比 3 号词“大”。**词嵌入**（word embedding）给每个词配一个 $D$ 维向量，存成嵌入矩阵 $E\,(V, D)$
# 的一行，代码里的参数叫 `W`；这些向量也是参数，与网络一起学。
#
# ### 5.1 前向：查表
#
# $$\mathrm{out}[n, t, :] = E[\,x[n, t],\ :\,].$$
#
# ![左边的编号指到矩阵的一行，那一行抄到输出里；反向时沿原路加回去](figures/embedding.png)
#
# 形状：$x\,(N, T)$ 是整数，$E\,(V, D)$，输出 $(N, T, D)$。NumPy 的整数数组下标一行就能做到。
#
# 换个角度看：把每个词写成只有一个 1 的 $V$ 维向量（one-hot），查表就是它乘以 $E$，所以词嵌入也是线性变换。


# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    """Look up the vectors of a batch of words.

    x: indices of words, integers in 0 .. V-1 (N, T)
    W: the vectors of all words (V, D)

    Returns out, the vectors of the words (N, T, D), and cache, whatever the backward pass needs.
    """
    # TODO ▼▼▼▼▼▼▼▼ 查表得到 out，并把反向传播要用的东西放进 cache。
    ### BEGIN SOLUTION
    out = W[x]
    cache = (x, W.shape)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return out, cache


# %% check word_embedding_forward 6
# 检查词嵌入的前向：查出来的词向量与参考值比较。
@Check.of("word_embedding_forward", out=6)
def check(check):
    V, D = 5, 3
    x = np.array([[0, 3, 1, 2], [2, 1, 0, 3]])
    W = np.linspace(0, 1, num=V * D).reshape(V, D)
    expected_out = np.array(
        [
            [
                [0.0, 0.07142857, 0.14285714],
                [0.64285714, 0.71428571, 0.78571429],
                [0.21428571, 0.28571429, 0.35714286],
                [0.42857143, 0.5, 0.57142857],
            ],
            [
                [0.42857143, 0.5, 0.57142857],
                [0.21428571, 0.28571429, 0.35714286],
                [0.0, 0.07142857, 0.14285714],
                [0.64285714, 0.71428571, 0.78571429],
            ],
        ]
    )
    out, cache = check.call(word_embedding_forward, x, W)
    check.near("out", out, expected_out, 1e-7, axes="nt ")


### BEGIN HIDDEN TESTS
for number, (block, N, T, V, D, scale) in enumerate(
    (
        ("新数据", 3, 5, 7, 4, 1),
        ("第一组的形状", 2, 4, 5, 3, 1),
        ("同样的形状，别的权重", 2, 4, 5, 3, 1),
        ("N=1", 1, 4, 3, 2, 1),
        ("T=1", 4, 1, 5, 3, 1),
        ("D=1", 2, 4, 5, 1, 1),
        ("V=1", 2, 3, 1, 4, 1),
        ("N=T=V=D", 3, 3, 3, 3, 1),
        ("重复的词", 2, 6, 2, 3, 1),
        ("很大的词向量", 2, 3, 4, 3, 1e4),
    )
):
    with check.hidden(block):
        words = np.random.default_rng([SEED, 5, number]).integers(V, size=(N, T))
        words[0, 0], words[-1, -1] = V - 1, 0  # the first word and the last are always asked for
        (W,) = drawn((5, number), (V, D), scale=scale)
        want = Truth.embedding(words, W)
        out, cache = word_embedding_forward(words, W)
        check.near("out", out, want, 1e-7)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose word_embedding_backward [markdown]
# ### 5.2 反向：把梯度加回去
#
# 前向把矩阵的某一行抄到了若干个位置；反向就把这些位置上的梯度**加**回那一行：
#
# $$\mathrm{dW}[v, :] = \sum_{(n, t)\,:\; x[n, t] = v} \mathrm{dout}[n, t, :] \qquad (V, D).$$
#
# 没出现过的词梯度为零，但它的那一行还在；出现了多次的词，每一次都要算上。提示：下标有重复时，`dW[x] += dout` 只记住最后一次，请看
# `np.add.at` 的文档。


# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    """Backward pass of the word embedding; words are integers and have no gradient.

    dout: gradient of the loss with respect to the vectors (N, T, D)
    cache: what the forward pass kept

    Returns dW (V, D).
    """
    # TODO ▼▼▼▼▼▼▼▼ 把 dout 的每个位置加回 dW 中对应的那一行。
    ### BEGIN SOLUTION
    x, shape = cache
    dW = np.zeros(shape, dtype=dout.dtype)
    np.add.at(dW, x, dout)  # unlike dW[x] += dout, counts a repeated word every time
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return dW


# %% check word_embedding_backward 8
# 检查词嵌入的反向：词有大量重复，dW 与有限差分比较。
@Check.of("word_embedding_backward", dW=8)
def check(check):
    np.random.seed(231)
    N, T, V, D = 50, 3, 5, 6
    x = np.random.randint(V, size=(N, T))
    W = np.random.randn(V, D)
    dout = np.random.randn(N, T, D)
    out, cache = check.call(word_embedding_forward, x, W)
    dW = check.call(word_embedding_backward, dout.copy(), cache)
    check.slope("dW", dW, lambda W: word_embedding_forward(x, W)[0], W, 1e-11, dout)


### BEGIN HIDDEN TESTS
for number, (block, N, T, V, D, size) in enumerate(
    (
        ("第一组的形状", 50, 3, 5, 6, 1),
        ("同样的形状，别的词", 50, 3, 5, 6, 1),
        ("重复的词", 4, 6, 3, 2, 1),
        ("没有出现的词", 2, 3, 20, 4, 1),
        ("最后一个词没有出现", 3, 4, 5, 2, 1),
        ("第一个词没有出现", 3, 4, 5, 2, 1),
        ("N=1", 1, 5, 4, 3, 1),
        ("T=1", 5, 1, 4, 2, 1),
        ("D=1", 2, 4, 5, 1, 1),
        ("V=1", 2, 3, 1, 4, 1),
        ("N=T=V=D", 3, 3, 3, 3, 1),
        ("很大的上游梯度", 3, 4, 4, 3, 1e4),
        ("较大的数据", 40, 50, 1600, 110, 1),
    )
):
    with check.hidden(block):
        absent = {"最后一个词没有出现": (0, V - 1), "第一个词没有出现": (1, V)}
        words = np.random.default_rng([SEED, 6, number]).integers(*absent.get(block, (0, V)), size=(N, T))
        words[-1, -1] = words[0, 0]  # at least one word is there twice
        W, dout = drawn((6, number), (V, D))[0], drawn((6, number, 1), (N, T, D), scale=size)[0]
        want = Truth.embedding_back(dout, words, W)
        out, cache = word_embedding_forward(words, W)
        dW = word_embedding_backward(dout, cache)
        check.near("dW", dW, want, 1e-8)
with check.hidden("两次前向之后"):
    rng = np.random.default_rng([SEED, 6, 90])
    cases = [(rng.integers(4, size=(2, 3)), *drawn((6, 91, k), (4, 2), (2, 3, 2))) for k in range(2)]
    wants = [Truth.embedding_back(dout, words, W) for words, W, dout in cases]
    caches = [word_embedding_forward(words, W)[1] for words, W, _ in cases]
    for (_, _, dout), cache, want in zip(cases, caches, wants, strict=True):
        check.near("dW", word_embedding_backward(dout, cache), want, 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% play guess-rows
# 先猜再运行：词表有 6 个词，下面这些词的 dW 里，哪几行是零？哪一行最大？（上游梯度全是 1）
if Check.ready("word_embedding_forward", "word_embedding_backward"):
    words = np.array([[0, 3, 3, 1], [3, 1, 0, 0]])
    _, cache = word_embedding_forward(words, np.zeros((6, 2)))
    print(word_embedding_backward(np.ones((2, 4, 2)), cache))

# %% prose temporal_affine_forward [markdown]
# ## 6. 每个时刻的打分与损失
#
# ### 6.1 时序仿射层（temporal affine）的前向
#
# 要预测下一个词，就要在每个时刻把隐藏状态变成词表上的 $V$
# 个分数。**时序仿射层**对每个样本、每个时刻用**同一个**仿射变换：
#
# $$\mathrm{out}[n, t, :] = x[n, t, :]\; w + b.$$
#
# 形状：$x\,(N, T, D)$，$w\,(D, M)$，$b\,(M,)$，输出 $(N, T, M)$。各个时刻互不相干，所以不需要循环：可以把 $N$ 和 $T$
# 两个轴并成一个，当作 $NT$ 个样本。


# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    """Apply one affine map to the vector of every step.

    x: inputs (N, T, D)
    w: weights (D, M)
    b: biases (M,)

    Returns out (N, T, M), and cache, whatever the backward pass needs.
    """
    # TODO ▼▼▼▼▼▼▼▼ 按公式算出 out，并把反向传播要用的东西放进 cache。
    ### BEGIN SOLUTION
    out = x @ w + b
    cache = (x, w)
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return out, cache


# %% check temporal_affine_forward 6
# 检查时序仿射的前向：用固定的小数据算出 out，与参考值比较。
@Check.of("temporal_affine_forward", out=6)
def check(check):
    N, T, D, M = 2, 3, 4, 2
    x = np.linspace(-0.4, 0.7, num=N * T * D).reshape(N, T, D)
    w = np.linspace(-0.3, 0.8, num=D * M).reshape(D, M)
    b = np.linspace(-0.9, 0.4, num=M)
    expected_out = np.array(
        [
            [[-1.04993789, 0.04372671], [-0.91875776, 0.29515528], [-0.78757764, 0.54658385]],
            [[-0.65639752, 0.79801242], [-0.52521739, 1.04944099], [-0.39403727, 1.30086957]],
        ]
    )
    out, cache = check.call(temporal_affine_forward, x, w, b)
    check.near("out", out, expected_out, 1e-7, axes="nt ")


### BEGIN HIDDEN TESTS
for number, (block, N, T, D, M, scale) in enumerate(
    (
        ("新数据", 3, 4, 5, 2, 1),
        ("第一组的形状", 2, 3, 4, 2, 1),
        ("同样的形状，别的权重", 2, 3, 4, 2, 1),
        ("N=1", 1, 4, 3, 2, 1),
        ("T=1", 4, 1, 2, 3, 1),
        ("D=1", 2, 3, 1, 4, 1),
        ("M=1", 2, 3, 4, 1, 1),
        ("N=T=D=M", 3, 3, 3, 3, 1),
        ("很大的输入", 2, 3, 4, 3, 1e3),
    )
):
    with check.hidden(block):
        inputs = drawn((7, number), (N, T, D), (D, M), (M,), scale=scale)
        want = Truth.affine(*inputs)
        out, cache = temporal_affine_forward(*inputs)
        check.near("out", out, want, 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose temporal_affine_backward [markdown]
# ### 6.2 时序仿射层的反向
#
# 与 3.2 节的线性变换一样，只是共用参数的不再是 $N$ 个样本，而是 $N \times T$ 个位置：
#
# $$\mathrm{dx}[n, t] = \mathrm{dout}[n, t]\, w^\top, \qquad
# \mathrm{dw} = \sum_{n, t} x[n, t]^\top\, \mathrm{dout}[n, t], \qquad
# \mathrm{db} = \sum_{n, t} \mathrm{dout}[n, t].$$
#
# 形状：`dout` 是 $(N, T, M)$，得到 `dx` $(N, T, D)$、`dw` $(D, M)$、`db` $(M,)$。


# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    """Backward pass of the temporal affine layer.

    dout: gradient of the loss with respect to the output (N, T, M)
    cache: what the forward pass kept

    Returns dx (N, T, D), dw (D, M), db (M,).
    """
    # TODO ▼▼▼▼▼▼▼▼ 求三个梯度；dw 与 db 要对所有样本和所有时刻求和。
    ### BEGIN SOLUTION
    x, w = cache
    dx = dout @ w.T
    dw = np.einsum("ntd,ntm->dm", x, dout)
    db = dout.sum(axis=(0, 1))
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    return dx, dw, db


# %% check temporal_affine_backward 8
# 检查时序仿射的反向：三个梯度都与有限差分比较。
@Check.of("temporal_affine_backward", dx=3, dw=3, db=2)
def check(check):
    np.random.seed(231)
    N, T, D, M = 2, 3, 4, 5
    x = np.random.randn(N, T, D)
    w = np.random.randn(D, M)
    b = np.random.randn(M)
    dout = np.random.randn(N, T, M)
    out, cache = check.call(temporal_affine_forward, x, w, b)
    dx, dw, db = check.call(temporal_affine_backward, dout.copy(), cache)
    for part, got, array in (("dx", dx, x), ("dw", dw, w), ("db", db, b)):
        axes = "nt " if part == "dx" else ""
        check.slope(part, got, lambda _: temporal_affine_forward(x, w, b)[0], array, 1e-9, dout, axes=axes)


### BEGIN HIDDEN TESTS
for number, (block, N, T, D, M, size) in enumerate(
    (
        ("第一组的形状", 2, 3, 4, 5, 1),
        ("同样的形状，别的权重", 2, 3, 4, 5, 1),
        ("N=1", 1, 4, 3, 2, 1),
        ("T=1", 4, 1, 2, 3, 1),
        ("D=1", 2, 3, 1, 4, 1),
        ("M=1", 2, 3, 4, 1, 1),
        ("N=T=D=M", 3, 3, 3, 3, 1),
        ("很大的上游梯度", 2, 3, 4, 3, 1e4),
        ("较大的数据", 1, 1, 640, 640, 1),
    )
):
    with check.hidden(block):
        inputs, (dout,) = drawn((8, number), (N, T, D), (D, M), (M,)), drawn((8, number, 1), (N, T, M), scale=size)
        want = Truth.affine_back(dout, *inputs)
        out, cache = temporal_affine_forward(*inputs)
        for part, got, grad in zip(check.parts, temporal_affine_backward(dout, cache), want, strict=True):
            check.near(part, got, grad, 1e-8)
with check.hidden("两次前向之后"):
    cases = [drawn((8, 90, k), (2, 3, 4), (4, 2), (2,), (2, 3, 2)) for k in range(2)]
    wants = [Truth.affine_back(dout, *inputs) for *inputs, dout in cases]
    caches = [temporal_affine_forward(*inputs)[1] for *inputs, _ in cases]
    for (*_, dout), cache, want in zip(cases, caches, wants, strict=True):
        for part, got, grad in zip(check.parts, temporal_affine_backward(dout, cache), want, strict=True):
            check.near(part, got, grad, 1e-8)
check.award()
### END HIDDEN TESTS
check.report()

# %% prose temporal_softmax_loss [markdown]
# ### 6.3 时序 softmax 损失：交叉熵
#
# 每个时刻的 $V$ 个分数经过 softmax 变成概率，正确的词 $y_{n,t}$ 的概率越大越好：
#
# $$p_{n,t,v} = \frac{e^{x_{n,t,v}}}{\sum_u e^{x_{n,t,u}}}, \qquad
# L = -\frac{1}{N} \sum_{n} \sum_{t} m_{n,t}\, \log p_{n,t,y_{n,t}}.$$
#
# 这就是**交叉熵**（cross entropy）。注意损失**对时间求和，对样本求平均**。模型还什么都不会时，各个词的概率差不多都是 $1/V$，每个位置的损失约为
# $\ln V$；例如 $V = 10$ 时约为 $2.3$，一句 10 个词约为 $23$。检查里会用到这个估计。
#
# 句子有长有短，放进同一个 $(N, T)$ 的数组，短句后面就要补上 `<NULL>`：
#
# ```text
#   <START>  a      cat    sits   <END>
#   <START>  dogs   <END>  <NULL> <NULL>
# ```
#
# 这些补上的词不是句子的一部分，模型猜得对不对都不该算。所以用 $m_{n,t} \in \{0, 1\}$（布尔数组
# `mask`）把它们**遮住**：遮住的位置既不贡献损失，也不产生梯度。
#
# 梯度也很简单：$\log p_v = x_v - \log \sum_u e^{x_u}$，后一项对 $x_v$ 的导数正是 $p_v$，于是
#
# $$\mathrm{dx}_{n,t,v} = \frac{m_{n,t}}{N} \left( p_{n,t,v} - \mathbf{1}[v = y_{n,t}] \right) \qquad (N, T, V),$$
#
# 其中 $\mathbf{1}[\cdot]$ 在条件成立时为 1，否则为 0。
#
# 提示：分数都减去同一个数，概率不变；先减去最大值，可以避免 $e^x$ 溢出。


# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    """Softmax loss over a vocabulary at every step, summed over time, averaged over the batch.

    x: scores of all words (N, T, V)
    y: indices of the right words, integers in 0 .. V-1 (N, T)
    mask: whether a step counts, booleans (N, T)
    verbose: print the shape of the gradient

    Returns loss, a number, and dx, its gradient (N, T, V).
    """
    # TODO ▼▼▼▼▼▼▼▼ 求 softmax 概率、遮住之后的损失 loss 和它的梯度 dx。
    ### BEGIN SOLUTION
    N, T = y.shape
    right = np.arange(N)[:, None], np.arange(T), y  # log_p[right] (N, T): the right words
    shifted = x - x.max(axis=2, keepdims=True)  # the same probabilities, and exp cannot overflow
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    loss = -np.sum(log_p[right] * mask) / N
    dx = np.exp(log_p)
    dx[right] -= 1  # p - 1[v = y]
    dx *= mask[:, :, None] / N
    ### END SOLUTION
    # TODO 结束 ▲▲▲▲▲▲▲▲
    if verbose:
        print("dx:", dx.shape)
    return loss, dx


# %% check temporal_softmax_loss 12
# 检查时序 softmax 损失：分数都接近零时损失约为（计入的步数）× ln V；梯度与有限差分比较。
@Check.of("temporal_softmax_loss", loss=5, dx=7)
def check(check):
    np.random.seed(231)
    for N, T, V, p, expected_loss in ((100, 1, 10, 1.0, 2.3), (100, 10, 10, 1.0, 23), (5000, 10, 10, 0.1, 2.3)):
        x = 0.001 * np.random.randn(N, T, V)
        y = np.random.randint(V, size=(N, T))
        mask = np.random.rand(N, T) <= p
        loss, dx = check.call(temporal_softmax_loss, x, y, mask)
        case = f"N={N},T={T},计入{p:.0%}"
        check.near("loss", loss, expected_loss, 0.1, "估计值", absolute=True, label=case)

    np.random.seed(2451)  # 这组数据与步长 h=1e-4 一起，使有限差分的舍入误差远小于门槛
    N, T, V = 7, 8, 9
    x = np.random.randn(N, T, V)
    y = np.random.randint(V, size=(N, T))
    mask = np.random.rand(N, T) > 0.5
    loss, dx = check.call(temporal_softmax_loss, x.copy(), y, mask)
    check.slope("dx", dx, lambda x: temporal_softmax_loss(x, y, mask)[0], x, 1e-7, h=1e-4, axes="nt ")


### BEGIN HIDDEN TESTS
for number, (block, N, T, V, p, size, offset) in enumerate(
    (
        ("第一组的形状", 7, 8, 9, 0.6, 2, 0),
        ("同样的形状，别的分数", 7, 8, 9, 0.6, 2, 0),
        ("N=1", 1, 6, 4, 0.7, 1, 0),
        ("T=1", 5, 1, 4, 0.7, 1, 0),
        ("N=1, T=1", 1, 1, 3, 1.0, 1, 0),
        ("N=T=V", 4, 4, 4, 0.7, 1, 0),
        ("掩码全为 True", 3, 4, 5, 1.0, 1, 0),
        ("掩码全为 False", 3, 2, 4, 0.0, 1, 0),
        ("分数都很大", 3, 4, 5, 0.7, 1, 300),
        ("较大的数据", 2, 400, 1200, 1.0, 4, 0),
    )
):
    with check.hidden(block):
        rng = np.random.default_rng([SEED, 9, number])
        x, y = rng.uniform(-size, size, (N, T, V)) + offset, rng.integers(V, size=(N, T))
        mask = rng.random((N, T)) < p
        if 0 < p < 1:  # whatever is drawn, some words count and some do not, and not one for each sample
            mask[0, 0], mask[-1, -1], mask[0, T // 2] = True, False, N == 1 or T > 1
        below = 1e-7 if V < 100 else 1e-8  # differences of one row's loss at a time are quick, but not as accurate
        want, slope = Truth.softmax_loss(x, y, mask), Truth.softmax_back(x, y, mask)
        loss, dx = temporal_softmax_loss(x, y, mask)
        check.near("loss", loss, want, 1e-6)
        check.near("dx", dx, slope, below)
check.award()
x = np.array([[[1e3, -1e3, 0.0]]])
with np.errstate(all="ignore"):
    try:
        loss, dx = temporal_softmax_loss(x, np.array([[0]]), np.array([[True]]))
        steady = bool(np.isfinite(loss) and np.isfinite(dx).all())
    except Exception:
        steady = False
if not steady and check.passed("loss"):
    check.advise("分数很大（例如 1000）时 exp 会溢出；先减去每一行的最大值，结果不变而且稳定。")
### END HIDDEN TESTS
check.report()

# %% play guess-loss
# 先猜再运行：模型还什么都不会，词表有 1000 个词，每个词的损失大约是多少？正确的词得分高出 5 呢？
if Check.ready("temporal_softmax_loss"):
    x, y = np.zeros((1, 1, 1000)), np.array([[7]])
    for bonus in (0, 5, 10):
        x[0, 0, 7] = bonus
        loss, _ = temporal_softmax_loss(x, y, np.array([[True]]))
        print(f"得分高出 {bonus:>2}：损失 {loss:.3f}，困惑度 exp(损失) = {np.exp(loss):.1f}")
    print(f"ln 1000 = {np.log(1000):.3f}")

# %% prose captioning [markdown]
# ## 7. 看图说话
#
# 现在把所有的零件拼成一个图像描述模型。图像已经由别的网络变成了特征向量，模型要学着一个词一个词地说出它：
#
# ![图像特征变成 h0；每一步读入一个词，经过循环网络和仿射层，预测下一个词](figures/captioning.png)

# %% prose captioning-steps [markdown]
# 训练时，模型在每个时刻读入**正确的**上一个词，预测下一个词，这叫**教师强制**（teacher forcing）。所以一句话 `captions` 去掉最后一个词就是输入
# `captions_in`，去掉第一个词就是目标 `captions_out`。
#
# | 步骤 | 公式 | 形状 |
# |:---|:---|:---|
# | 图像特征变成初始状态 | $h_0 = \mathrm{features}\; W_{proj} + b_{proj}$ | $(N, H)$ |
# | 输入的词变成向量 | $x = W_{embed}[\mathrm{captions\_in}]$ | $(N, T-1, W)$ |
# | 循环网络 | $h = \mathrm{rnn}(x, h_0)$ | $(N, T-1, H)$ |
# | 每个时刻打分 | $\mathrm{scores} = h\, W_{vocab} + b_{vocab}$ | $(N, T-1, V)$ |
# | 损失 | 与 `captions_out` 比较，遮住 `<NULL>` | 一个数 |
#
# 反向就是把五步倒过来：前面写的每个 `backward` 各用一次，最后一步仿照 3.2 节的线性变换。图像只从 $h_0$
# 这一处进入模型，所以 `W_proj` 和 `b_proj` 的梯度全部来自 `dh0`。梯度放进字典 `grads`，键与 `self.params` 相同。
#
# `cell_type` 还可以是 `"lstm"`，参数的形状已经为它留好，但这份作业**只要求** `"rnn"`。


# %% solve CaptioningRNN.loss
class CaptioningRNN:
    """A model that describes an image: its features set the first hidden state, an RNN says the words."""

    def __init__(self, word_to_idx, input_dim=512, wordvec_dim=128, hidden_dim=128, cell_type="rnn", dtype=np.float32):
        """Draw the parameters.

        word_to_idx: dictionary from word to index, V entries, '<NULL>' among them
        input_dim: D, the size of the image's features
        wordvec_dim: W, the size of the word vectors
        hidden_dim: H, the size of the hidden state
        cell_type: 'rnn' or 'lstm'
        dtype: type of the parameters; float64 for checking gradients
        """
        if cell_type not in {"rnn", "lstm"}:
            raise ValueError(f"cell_type must be 'rnn' or 'lstm', not {cell_type!r}")
        self.cell_type, self.dtype = cell_type, dtype
        self.word_to_idx = word_to_idx
        self.idx_to_word = {i: word for word, i in word_to_idx.items()}
        self._null = word_to_idx["<NULL>"]
        self._start = word_to_idx.get("<START>")
        self._end = word_to_idx.get("<END>")

        V, D, W, H = len(word_to_idx), input_dim, wordvec_dim, hidden_dim
        gates = {"rnn": 1, "lstm": 4}[cell_type]
        params = {
            "W_embed": np.random.randn(V, W) / 100,
            "W_proj": np.random.randn(D, H) / np.sqrt(D),
            "b_proj": np.zeros(H),
            "Wx": np.random.randn(W, gates * H) / np.sqrt(W),
            "Wh": np.random.randn(H, gates * H) / np.sqrt(H),
            "b": np.zeros(gates * H),
            "W_vocab": np.random.randn(H, V) / np.sqrt(H),
            "b_vocab": np.zeros(V),
        }
        self.params = {name: value.astype(dtype) for name, value in params.items()}

    def loss(self, features, captions):
        """Loss and gradients of the model on a batch.

        features: image features (N, D)
        captions: words, integers in 0 .. V-1 (N, T), T >= 2

        Returns loss, a number, and grads, a dictionary with the keys and shapes of self.params.
        """
        captions_in = captions[:, :-1]
        captions_out = captions[:, 1:]
        mask = captions_out != self._null

        W_embed = self.params["W_embed"]
        W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
        Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
        W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]

        loss, grads = 0.0, {}
        # TODO ▼▼▼▼▼▼▼▼ 前向五步算出 loss，反向五步把八个梯度放进 grads。
        ### BEGIN SOLUTION
        h0 = features @ W_proj + b_proj
        x, embed_cache = word_embedding_forward(captions_in, W_embed)
        h, rnn_cache = rnn_forward(x, h0, Wx, Wh, b)
        scores, affine_cache = temporal_affine_forward(h, W_vocab, b_vocab)
        loss, dscores = temporal_softmax_loss(scores, captions_out, mask)

        dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, affine_cache)
        dx, dh0, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(dh, rnn_cache)
        grads["W_embed"] = word_embedding_backward(dx, embed_cache)
        grads["W_proj"] = features.T @ dh0
        grads["b_proj"] = dh0.sum(axis=0)
        ### END SOLUTION
        # TODO 结束 ▲▲▲▲▲▲▲▲
        return loss, grads


# %% check CaptioningRNN.loss 16
# 检查整个模型：损失与参考值比较，八个参数的梯度与有限差分比较。
@Check.of(
    "CaptioningRNN.loss",
    loss=6,
    W_embed=1.25,
    W_proj=1.25,
    b_proj=1.25,
    Wx=1.25,
    Wh=1.25,
    b=1.25,
    W_vocab=1.25,
    b_vocab=1.25,
)
def check(check):
    N, D, W, H, T = 10, 20, 30, 40, 13
    word_to_idx = {"<NULL>": 0, "cat": 2, "dog": 3}  # 三个词，V = 3；captions 里的编号都在 0 与 V-1 之间
    V = len(word_to_idx)
    model = CaptioningRNN(word_to_idx, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type="rnn", dtype=np.float64)
    for name, value in model.params.items():
        model.params[name] = np.linspace(-1.4, 1.3, num=value.size).reshape(value.shape)
    features = np.linspace(-1.5, 0.3, num=N * D).reshape(N, D)
    captions = (np.arange(N * T) % V).reshape(N, T)
    loss, grads = check.call(model.loss, features, captions)
    check.near("loss", loss, 9.83235591003, 1e-10, absolute=True)

    np.random.seed(231)
    N, T, D, W, H = 2, 3, 4, 5, 6
    word_to_idx = {"<NULL>": 0, "cat": 1, "dog": 2}
    captions = np.random.randint(V, size=(N, T))
    features = np.random.randn(N, D)
    model = CaptioningRNN(word_to_idx, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type="rnn", dtype=np.float64)
    loss, grads = check.call(model.loss, features, captions)
    check.slope_each(grads, lambda _: model.loss(features, captions)[0], model.params, 1e-5, h=1e-6)


### BEGIN HIDDEN TESTS
words = ("<END>", "a", "<NULL>", "<START>", "cat", "dog", "sits")
for number, (block, N, T, D, W, H, vocabulary) in enumerate(
    (
        ("新数据", 3, 5, 4, 6, 5, words),
        ("N=1", 1, 4, 3, 2, 4, words[1:6]),
        ("T=2", 4, 2, 2, 4, 3, words[2:]),
        ("D=1", 2, 4, 1, 3, 4, words),
        ("W=1", 2, 4, 3, 1, 4, words),
        ("H=1", 2, 4, 3, 4, 1, words),
        ("N=D=W=H", 3, 4, 3, 3, 3, words[2:5]),
        ("T=30", 2, 30, 3, 4, 4, words),
        ("特征全为零", 2, 4, 3, 4, 5, words),
        ("<NULL> 在句子中间", 2, 6, 3, 4, 5, words[1:5]),
        ("目标全是 <NULL>", 2, 3, 4, 3, 2, words),
        ("同一个模型算两次", 2, 4, 3, 4, 5, words),
        ("较大的数据", 1, 3, 199, 200, 201, (*words, *map(str, range(191)))),
    )
):
    with check.hidden(block):
        word_to_idx = {word: i for i, word in enumerate(vocabulary)}
        V, null = len(word_to_idx), word_to_idx["<NULL>"]
        model = CaptioningRNN(word_to_idx, input_dim=D, wordvec_dim=W, hidden_dim=H, cell_type="rnn", dtype=np.float64)
        rng = np.random.default_rng([SEED, 10, number])
        for name, value in model.params.items():
            spread = 1 / np.sqrt(1 + value.shape[0] / 10) if value.ndim == 2 and name != "W_embed" else 1
            model.params[name] = rng.uniform(-spread, spread, value.shape)
        features, captions = rng.uniform(-1, 1, (N, D)), rng.integers(V, size=(N, T))
        captions[-1, -1] = null  # some padding, and a word that counts
        captions[0, 1] = (null + 1) % V
        if block == "特征全为零":
            features[:] = 0
        if block == "<NULL> 在句子中间":
            captions[0, 2:4], captions[1, 1], captions[:, -1] = null, null, (null + 1) % V
        if block == "目标全是 <NULL>":
            captions[:, 1:] = null
        values = [value.copy() for value in model.params.values()]
        want = Truth.captioning(features, captions, null, *values)
        slopes = Truth.captioning_back(features, captions, null, *values)
        loss, grads = model.loss(features, captions)
        if block == "同一个模型算两次":
            loss, grads = model.loss(features, captions)
        check.near("loss", loss, want, 1e-6)
        check.near_each(grads, dict(zip(model.params, slopes, strict=True)), 1e-6)
        same = all(np.array_equal(a, b) for a, b in zip(model.params.values(), values, strict=True))
        if not same:
            check.true("loss", False, "loss 改动了 self.params：算梯度，不要在这里更新参数")
check.award()
### END HIDDEN TESTS
check.report()

# %% prose speaking [markdown]
# ### 7.1 让它说话（不计分）
#
# 十个函数都写好了，就可以训练一个真正的模型。下面的小图是用 NumPy 画的，12×12 个像素，直接当作特征（$D = 144$）；句子由十几个词组成，有长有短，短的后面补 `<NULL>`。
#
# 说话的时候没有正确的上一个词可读，只能把自己刚说的词读回去：每一步选得分最高的词，直到说出 `<END>`。这叫**贪心解码**（greedy decoding）。

# %% play pictures
# 数据：12×12 的小图，和一句描述它的话。运行即可。
WORDS = ["<NULL>", "<START>", "<END>", "左边", "右边", "中间", "有", "一个", "大", "小", "圆", "方块", "十字", "空的"]
INDEX = {word: i for i, word in enumerate(WORDS)}


def draw_pictures(rng, N):
    """N pictures (N, 12, 12) with their captions (N, 7): a small thing somewhere, a large one, or nothing at all."""
    rows, columns = np.mgrid[:12, :12]
    pictures, captions = np.zeros((N, 12, 12)), np.zeros((N, 7), dtype=int)
    for n in range(N):
        shape, big, place = rng.integers(3), rng.random() < 0.4, rng.integers(3)
        r = 5 if big else 2
        i, j = rows - (6 if big else rng.integers(3, 9)), columns - (6 if big else (2, 9, 6)[place])
        inside = (
            i**2 + j**2 <= r * r + 1,
            (abs(i) <= r - (not big)) & (abs(j) <= r),
            (i * j == 0) & (abs(i + j) <= r),
        )[shape]
        noun = ("圆", "方块", "十字")[shape]
        said = ["一个", "大", noun] if big else [("左边", "右边", "中间")[place], "有", "一个", "小", noun]
        if rng.random() < 0.1:
            inside, said = inside * 0, ["空的"]
        pictures[n] = inside + 0.1 * rng.standard_normal((12, 12))
        words = ["<START>", *said, "<END>"]
        captions[n, : len(words)] = [INDEX[word] for word in words]
    return pictures, captions


# %% play training
# 训练：每一步画一批新图，算损失和梯度，用 Adam 更新参数。大约一两秒。
def new_model():
    """A model of fixed random parameters."""
    np.random.seed(0)
    return CaptioningRNN(INDEX, input_dim=144, wordvec_dim=16, hidden_dim=40, dtype=np.float64)


def train(model, steps=300, N=40, rate=0.01):
    """Train with Adam on new pictures in every step; returns the loss of every step."""
    rng, losses = np.random.default_rng(1), []
    first = {name: np.zeros_like(value) for name, value in model.params.items()}
    second = {name: np.zeros_like(value) for name, value in model.params.items()}
    look, _ = draw_pictures(np.random.default_rng(7), 1)
    for step in range(1, steps + 1):
        pictures, captions = draw_pictures(rng, N)
        loss, grads = model.loss(pictures.reshape(N, -1), captions)
        losses.append(loss)
        for name, value in model.params.items():
            first[name] = 0.9 * first[name] + 0.1 * grads[name]
            second[name] = 0.999 * second[name] + 0.001 * grads[name] ** 2
            size = np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8
            value -= rate * first[name] / (1 - 0.9**step) / size
        if step in (1, 5, 10, 20, 30) or step % 50 == 0:
            print(f"第 {step:>3} 步  损失 {loss:6.3f}  它说：{describe(model, look)[0]}")
    return losses


def speak(model, pictures, longest=8):
    """The likeliest words (N, longest) for each picture, every word fed back as the next input."""
    p, N = model.params, len(pictures)
    h = temporal_affine_forward(pictures.reshape(N, 1, -1), p["W_proj"], p["b_proj"])[0][:, 0]
    word, said = np.full((N, 1), INDEX["<START>"]), []
    for _ in range(longest):
        x = word_embedding_forward(word, p["W_embed"])[0][:, 0]
        h = rnn_step_forward(x, h, p["Wx"], p["Wh"], p["b"])[0]
        word = np.argmax(temporal_affine_forward(h[:, None], p["W_vocab"], p["b_vocab"])[0], axis=2)
        said.append(word[:, 0])
    return np.array(said).T


def describe(model, pictures):
    """The sentence for each picture, up to <END>."""
    sentences = [[WORDS[i] for i in row] for row in speak(model, pictures)]
    return ["".join(s[: s.index("<END>")] if "<END>" in s else s) or "……" for s in sentences]


def tail(model, pictures):
    """What the model says of the first picture after <END>."""
    words = [WORDS[i] for i in speak(model, pictures[:1], 12)[0]]
    return " ".join(words[words.index("<END>") + 1 :]) if "<END>" in words else "（没有说完）"


picture = None
if Check.ready("CaptioningRNN.loss"):
    model = new_model()
    losses = train(model)
    picture = Drawing.lines({"损失": losses}, "训练中的损失", "训练的步数")
picture


# %% play speaking
# 没有见过的图，它怎么说？绿色是说对了，红色是说错了。
def sentences_of(captions):
    """The right sentences."""
    return ["".join(WORDS[i] for i in row if i > INDEX["<END>"]) for row in captions]


picture = None
if Check.ready("CaptioningRNN.loss"):
    pictures, captions = draw_pictures(np.random.default_rng(99), 100)
    said, right = describe(model, pictures), sentences_of(captions)
    print(f"100 张新图，说对 {sum(a == b for a, b in zip(said, right))} 张")
    picture = Drawing.gallery(pictures[:12], [(said[n], said[n] == right[n]) for n in range(12)])
picture

# %% play no-mask
# 不用掩码会怎样？让模型把 <NULL> 也当成要学的词（没有一个词的编号是 -1，于是什么也不遮），再训练一次。
if Check.ready("CaptioningRNN.loss"):
    unmasked = new_model()
    unmasked._null = -1
    train(unmasked)
    pictures, captions = draw_pictures(np.random.default_rng(99), 100)
    for name, one in (("有掩码", model), ("没有掩码", unmasked)):
        one._null = INDEX["<NULL>"]
        per_word = one.loss(pictures.reshape(100, -1), captions)[0] / np.mean(np.sum(captions[:, 1:] > 0, axis=1))
        print(f"{name}：每个词的困惑度 {np.exp(per_word):.3f}，说完以后接着说：{tail(one, pictures)}")

# %% prose speaking-after [markdown]
# **困惑度**（perplexity）是 $e^{\text{每个词的损失}}$：好像每次都在这么多个词里面猜一个，1 就是毫不犹豫。没有掩码的模型也能学会说话，可是它要花一部分力气去学“说完以后全是
# `<NULL>`”，而且补得越多，损失看上去越小，模型却没有变好。句子的长短相差很大时，差别会更明显。
#
# 试一试：把 `train` 的步数改成 30，把隐藏状态改成 5 维，或者把测试的图换成你自己画的。（复制到自己的新单元里改，这里的单元是锁定的。）

# %% prose closing [markdown]
# ## 8. 结语
#
# 你写出了 RNN
# 的全部核心：一步的状态更新、沿时间的反向传播、词嵌入、带掩码的损失，以及把它们拼在一起的模型。值得再想一想的几个问题：
#
# - `rnn_backward` 里，梯度每往回走一步就乘一次 $W_h^\top$。序列很长时会发生什么？（这正是 LSTM 要解决的。）
# - 贪心解码每一步只看眼前最好的词，一步选错就回不了头。还有什么办法？（可以查“束搜索”，beam search。）
# - 模型只在 $h_0$ 处看了一眼图，句子很长时它还记得吗？（可以查“注意力机制”，attention。）
#
# ### 提交前自查
#
# 最后运行下面的单元。它只知道这个内核里发生过的事，写了而没有运行的代码，它看不见。最稳妥的做法是先选菜单
# **Kernel** → **Restart Kernel and Run All Cells…**，从头到尾运行一遍，再看一遍自查，然后保存、上传。

# %% given 提交前自查
if "Check" in globals():
    Check.summary(
        {
            "rnn_step_forward": 8,
            "rnn_step_backward": 12,
            "rnn_forward": 10,
            "rnn_backward": 14,
            "word_embedding_forward": 6,
            "word_embedding_backward": 8,
            "temporal_affine_forward": 6,
            "temporal_affine_backward": 8,
            "temporal_softmax_loss": 12,
            "CaptioningRNN.loss": 16,
        }
    )
else:
    print("检查器还没有运行：请选菜单 Kernel → Restart Kernel and Run All Cells…")
print("上传：保存这个文件，保留所有单元的输出，把这一个 .ipynb 交到 Canvas。")
