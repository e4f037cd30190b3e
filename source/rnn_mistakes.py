# ruff: noqa: F821 - the names of the reference solution and `mistake` are given by whoever executes this file
"""What people really write instead of the ten functions of rnn.py: named wrong implementations, with hints in Chinese.

`@mistake(FUNCTION, HINT)`: the function below it stands for FUNCTION; its own name is the mistake's name. It may use
everything rnn.py defines, the right solutions included; a backward gets the cache that the right forward made.
A hint leads to the mistake without giving the line away. No two mistakes of one function give the same or
proportional results on what the checks feed them (tests/test_mistakes.py).
"""

# rnn_step_forward


@mistake("rnn_step_forward", "新的隐藏状态超出了 (-1, 1)。对照公式，看看最外层还有一个什么函数没有用上。")
def tanh_missing(x, prev_h, Wx, Wh, b):
    next_h = x @ Wx + prev_h @ Wh + b
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "所有元素都是正数。公式里的非线性函数是关于原点对称的，你用的是不是另一个 S 形函数？")
def sigmoid_for_tanh(x, prev_h, Wx, Wh, b):
    next_h = 1 / (1 + np.exp(-(x @ Wx + prev_h @ Wh + b)))
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "负的隐藏状态都变成了零。公式里的非线性函数是哪一个？")
def relu_for_tanh(x, prev_h, Wx, Wh, b):
    next_h = np.maximum(x @ Wx + prev_h @ Wh + b, 0)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "结果里看不到偏置的影响。数一数公式里括号内有几项相加。")
def bias_missing(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "偏置加的位置不对：它也应当经过非线性函数。检查括号。")
def bias_outside_tanh(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh) + b
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "结果与上一步的隐藏状态无关。没有这一项，网络就没有了记忆。")
def previous_state_missing(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "结果与这一步的输入 x 无关。数一数公式里括号内有几项相加。")
def input_missing(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "Wh 是方阵，转置之后形状不变，所以程序不会报错。对照公式看看它该不该转置。")
def hidden_weights_transposed(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh.T + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "非线性函数应当作用在各项之和上，而不是先作用在每一项上再相加。")
def tanh_of_each_term(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx) + np.tanh(prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "非线性函数只作用在了输入那一项上。公式里括号一直到哪里才结束？")
def tanh_of_input_term(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx) + prev_h @ Wh + b
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "非线性函数只作用在了上一步状态那一项上。公式里括号从哪里开始？")
def tanh_of_state_term(x, prev_h, Wx, Wh, b):
    next_h = x @ Wx + np.tanh(prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "非线性函数用了两次。公式里只有一层。")
def tanh_applied_twice(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(np.tanh(x @ Wx + prev_h @ Wh + b))
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "矩阵乘法两边的次序反了：样本按行排列，向量应当写在矩阵的左边。")
def weights_on_the_left(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(Wx @ x + Wh @ prev_h + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "Wx 与 Wh 用反了：各自应当乘在哪一个量上？看它们的形状。")
def weights_swapped(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wh + prev_h @ Wx + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "长度为 1 的维度被去掉了：只有一个样本或只有一个隐藏单元时，形状也应当是 (N, H)。")
def state_squeezed(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b).squeeze()
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "偏置的符号反了：公式里三项都是相加。")
def bias_subtracted(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh - b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "拼起来的两个权重与拼起来的 x 和 prev_h 次序不一样，各自乘错了对象。")
def weights_stacked_in_wrong_order(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(np.hstack([x, prev_h]) @ np.vstack([Wh, Wx]) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "上一步的状态又直接加了一次：它只应当经过 Wh 和 tanh 进入新的状态。")
def previous_state_added(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b) + prev_h
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "偏置加的位置不对：与 Wh 相乘以前就加到了上一步的状态上。")
def bias_before_weights(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + (prev_h + b) @ Wh)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "各项应当相加，你把它们乘了起来。")
def terms_multiplied(x, prev_h, Wx, Wh, b):
    next_h = np.tanh((x @ Wx) * (prev_h @ Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


@mistake("rnn_step_forward", "新的状态又除以了它的长度或者总和：公式里只有 tanh，没有归一化。")
def state_normalised(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h / np.linalg.norm(next_h, axis=1, keepdims=True), (x, prev_h, Wx, Wh, next_h)


# rnn_step_backward


def through_step(da, cache):
    """Carry the gradient of the pre-activation on to the step's five arguments. da (N, H)."""
    x, prev_h, Wx, Wh, _ = cache
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def right_da(dnext_h, cache):
    """Return the gradient of the pre-activation. dnext_h (N, H) -> (N, H)."""
    return dnext_h * (1 - cache[-1] ** 2)


@mistake("rnn_step_backward", "五个梯度都不对，而且好像 tanh 不存在一样。反向传播穿过每一层时都要乘上这一层的导数。")
def tanh_derivative_missing(dnext_h, cache):
    return through_step(dnext_h, cache)


@mistake("rnn_step_backward", "tanh 的导数用 tanh 的输出来写最简单。你代进去的是不是输入（tanh 之前的值）？")
def tanh_derivative_of_preactivation(dnext_h, cache):
    return through_step(dnext_h * (1 - np.arctanh(cache[-1]) ** 2), cache)


@mistake("rnn_step_backward", "tanh 的导数里缺了一个平方。自己推一遍 tanh 对输入的导数，或者画图看看它能不能大于 1。")
def tanh_derivative_not_squared(dnext_h, cache):
    return through_step(dnext_h * (1 - cache[-1]), cache)


@mistake("rnn_step_backward", "你用的是 sigmoid 的导数公式，而这里的非线性函数是 tanh。")
def sigmoid_derivative(dnext_h, cache):
    next_h = cache[-1]
    return through_step(dnext_h * next_h * (1 - next_h), cache)


@mistake("rnn_step_backward", "tanh 的导数应当在这一步的输出处取值，你代进去的是上一步的隐藏状态。")
def tanh_derivative_at_previous_state(dnext_h, cache):
    return through_step(dnext_h * (1 - cache[1] ** 2), cache)


@mistake("rnn_step_backward", "dprev_h 少了一个转置。Wh 是方阵，所以程序不会报错；写出每个矩阵的形状含义再看一遍。")
def hidden_weights_not_transposed(dnext_h, cache):
    dx, _, dWx, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, right_da(dnext_h, cache) @ cache[3], dWx, dWh, db


@mistake("rnn_step_backward", "dWh 用错了隐藏状态：前向计算里与 Wh 相乘的是哪一个？")
def dwh_from_next_state(dnext_h, cache):
    da = right_da(dnext_h, cache)
    dx, dprev_h, dWx, _, db = through_step(da, cache)
    return dx, dprev_h, dWx, cache[-1].T @ da, db


@mistake("rnn_step_backward", "dWh 转置了：矩阵乘法两边的次序反了。它的第 i 行第 j 列应当属于 Wh 的第 i 行第 j 列。")
def dwh_transposed(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, dWx, dWh.T, db


@mistake("rnn_step_backward", "db 的形状应当与 b 一样。b 被广播给了批量里的每一个样本，反向时要怎样把它们合起来？")
def db_not_summed(dnext_h, cache):
    da = right_da(dnext_h, cache)
    return (*through_step(da, cache)[:4], da)


@mistake("rnn_step_backward", "db 沿着错误的维度求了和：想想 b 的哪个维度还在、哪个维度是广播出来的。")
def db_summed_over_hidden(dnext_h, cache):
    da = right_da(dnext_h, cache)
    return (*through_step(da, cache)[:4], da.sum(axis=1))


@mistake("rnn_step_backward", "db 多了一个大小为 1 的维度。b 是一维数组，它的梯度也应当是。")
def db_keeps_dimension(dnext_h, cache):
    da = right_da(dnext_h, cache)
    return (*through_step(da, cache)[:4], da.sum(axis=0, keepdims=True))


@mistake("rnn_step_backward", "db 取了平均。b 影响每一个样本，各样本的梯度应当怎样合起来？")
def db_averaged(dnext_h, cache):
    da = right_da(dnext_h, cache)
    return (*through_step(da, cache)[:4], da.mean(axis=0))


@mistake("rnn_step_backward", "db 没有经过 tanh：它应当由哪一个中间量的梯度求和得到？")
def db_before_tanh(dnext_h, cache):
    return (*through_step(right_da(dnext_h, cache), cache)[:4], dnext_h.sum(axis=0))


@mistake("rnn_step_backward", "参数的梯度都除以了 N。在这一步还没有求平均的地方，取平均是损失函数的事。")
def gradients_averaged_over_batch(dnext_h, cache):
    dx, dprev_h, *weights = rnn_step_backward(dnext_h, cache)
    return (dx, dprev_h, *(gradient / len(dx) for gradient in weights))


@mistake("rnn_step_backward", "运算的先后次序：乘法先于减法。tanh 的导数要先用括号括起来，再去乘上游梯度。")
def tanh_derivative_without_brackets(dnext_h, cache):
    return through_step(dnext_h * 1 - cache[-1] ** 2, cache)


@mistake("rnn_step_backward", "cache 里的隐藏状态已经是 tanh 的输出，求导时又对它用了一次 tanh。")
def tanh_derivative_of_tanh(dnext_h, cache):
    return through_step(dnext_h * (1 - np.tanh(cache[-1]) ** 2), cache)


@mistake("rnn_step_backward", "tanh 的导数应当由隐藏状态算出来，你平方的是上游梯度。")
def tanh_derivative_of_upstream(dnext_h, cache):
    return through_step(dnext_h * (1 - dnext_h**2), cache)


@mistake("rnn_step_backward", "只剩下了 tanh 的导数，没有乘上游梯度。链式法则要把两者乘起来。")
def upstream_left_out(dnext_h, cache):
    return through_step(1 - cache[-1] ** 2, cache)


@mistake("rnn_step_backward", "Wx 与 Wh 对调了：看看从 cache 里取出来的次序，再看看各自与谁相乘。")
def weights_unpacked_in_wrong_order(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    return through_step(right_da(dnext_h, cache), (x, prev_h, Wh, Wx, next_h))


@mistake("rnn_step_backward", "x 与 prev_h 对调了：看看从 cache 里取出来的次序，再看看各自用在哪里。")
def inputs_unpacked_in_wrong_order(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    return through_step(right_da(dnext_h, cache), (prev_h, x, Wx, Wh, next_h))


@mistake("rnn_step_backward", "dWx 和 dWh 返回的就是参数 Wx 和 Wh 本身，而不是它们的梯度。")
def weights_for_their_gradients(dnext_h, cache):
    dx, dprev_h, _, _, db = through_step(right_da(dnext_h, cache), cache)
    return dx, dprev_h, cache[2], cache[3], db


@mistake("rnn_step_backward", "dx 与 dprev_h 的矩阵用反了：前向里与 x 相乘的是哪一个？")
def dx_through_hidden_weights(dnext_h, cache):
    da = right_da(dnext_h, cache)
    return (da @ cache[3].T, da @ cache[3].T, *through_step(da, cache)[2:])


@mistake("rnn_step_backward", "dx 没有经过 tanh：穿过线性变换的应当是哪一个中间量的梯度？")
def dx_before_tanh(dnext_h, cache):
    return (dnext_h @ cache[2].T, *through_step(right_da(dnext_h, cache), cache)[1:])


@mistake("rnn_step_backward", "dprev_h 没有经过 tanh：穿过线性变换的应当是哪一个中间量的梯度？")
def dprev_h_before_tanh(dnext_h, cache):
    dx, _, dWx, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, dnext_h @ cache[3].T, dWx, dWh, db


@mistake("rnn_step_backward", "dWx 没有经过 tanh：它应当由 tanh 之前的量的梯度算出。")
def dwx_before_tanh(dnext_h, cache):
    dx, dprev_h, _, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, cache[0].T @ dnext_h, dWh, db


@mistake("rnn_step_backward", "dWh 没有经过 tanh：它应当由 tanh 之前的量的梯度算出。")
def dwh_before_tanh(dnext_h, cache):
    dx, dprev_h, dWx, _, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, dWx, cache[1].T @ dnext_h, db


@mistake("rnn_step_backward", "tanh 的导数里加号和减号弄错了：它不会大于 1。")
def tanh_derivative_with_plus(dnext_h, cache):
    return through_step(dnext_h * (1 + cache[-1] ** 2), cache)


@mistake("rnn_step_backward", "tanh 的导数只剩下了平方那一部分：前面还有一个 1。")
def tanh_derivative_without_one(dnext_h, cache):
    return through_step(dnext_h * cache[-1] ** 2, cache)


@mistake("rnn_step_backward", "tanh 的导数乘了两次。")
def tanh_derivative_twice(dnext_h, cache):
    return through_step(dnext_h * (1 - cache[-1] ** 2) ** 2, cache)


@mistake("rnn_step_backward", "tanh 的导数里应当是平方，你写成了乘以 2。")
def tanh_derivative_doubled(dnext_h, cache):
    return through_step(dnext_h * (1 - cache[-1] * 2), cache)


@mistake("rnn_step_backward", "只算了第一个样本：参数的梯度要把所有样本的贡献加起来。")
def only_first_sample(dnext_h, cache):
    first = dnext_h.copy()
    first[1:] = 0
    return (*rnn_step_backward(dnext_h, cache)[:2], *rnn_step_backward(first, cache)[2:])


@mistake("rnn_step_backward", "db 把所有的数加成了一个：只沿批量求和，每个隐藏单元留一个数。")
def db_summed_over_everything(dnext_h, cache):
    return (*rnn_step_backward(dnext_h, cache)[:4], right_da(dnext_h, cache).sum())


# rnn_forward


def unrolled(x, h0, Wx, Wh, b, inputs=None, state=None):
    """Run the right step over time with wrong wiring: inputs(t), state(t, h0, h) -> h (N, T, H), cache."""
    N, T, _ = x.shape
    h, cache = np.zeros((N, T, h0.shape[1]), dtype=np.result_type(x, h0)), []
    for t in range(T):
        before = state(t, h) if state else (h[:, t - 1] if t else h0)
        h[:, t], kept = rnn_step_forward(x[:, inputs(t) if inputs else t], before, Wx, Wh, b)
        cache.append(kept)
    return h, cache


@mistake("rnn_forward", "每一步都从同一个状态出发。一步算完之后，它的输出应当成为谁的输入？")
def state_not_advanced(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, state=lambda t, h: h0)


@mistake("rnn_forward", "第一步没有从 h0 出发，而是从零出发。")
def starts_from_zero(x, h0, Wx, Wh, b):
    return rnn_forward(x, h0 * 0, Wx, Wh, b)


@mistake("rnn_forward", "每一步读到的都是同一个输入。检查 x 的时间下标。")
def input_not_advanced(x, h0, Wx, Wh, b):
    return rnn_forward(np.repeat(x[:, :1], x.shape[1], axis=1), h0, Wx, Wh, b)


@mistake("rnn_forward", "序列是从后往前读的。循环应当从第一个时刻走到最后一个时刻。")
def reads_backwards(x, h0, Wx, Wh, b):
    return rnn_forward(x[:, ::-1], h0, Wx, Wh, b)


@mistake("rnn_forward", "最后一个时刻没有计算，留下了零。检查循环的终点。")
def last_step_missing(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    h[:, -1] = 0
    return h, cache


@mistake("rnn_forward", "h 里存的是每一步开始之前的状态：第一个就是 h0，而最后一个状态丢了。")
def states_before_the_steps(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return np.concatenate([h0[:, None], h[:, :-1]], axis=1), cache


@mistake("rnn_forward", "h 里多了一个时刻：h0 是给定的，不算作输出。")
def initial_state_included(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return np.concatenate([h0[:, None], h], axis=1), cache


@mistake("rnn_forward", "所有时刻的状态都一样，都等于最后一个。检查结果写入 h 的时间下标。")
def last_state_everywhere(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return np.repeat(h[:, -1:], x.shape[1], axis=1), cache


@mistake("rnn_forward", "只返回了最后一个时刻的状态，而后面的各层需要所有时刻的。")
def only_last_state(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h[:, -1], cache


@mistake("rnn_forward", "h 的前两个维度次序反了：先是批量，然后才是时间。")
def time_before_batch(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h.transpose(1, 0, 2), cache


@mistake(
    "rnn_forward", "按时间堆起来的数组要交换维度才能变成 (N, T, H)；reshape 只是重新数一遍，会把样本和时刻混在一起。"
)
def reshaped_for_transposed(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h.transpose(1, 0, 2).reshape(h.shape), cache


@mistake("rnn_forward", "x 的第一个维度是样本，第二个才是时间：读 x.shape 或者取第 t 个时刻时，把两者弄反了。")
def time_index_on_samples(x, h0, Wx, Wh, b):
    h, state = np.zeros((*x.shape[:2], h0.shape[1])), h0
    for t in range(x.shape[1]):
        state, _ = rnn_step_forward(x[t], state, Wx, Wh, b)
        h[:, t] = state
    return h, []


@mistake("rnn_forward", "建立全零数组时，形状要写成一个元组，所以要有两层括号。")
def shape_not_a_tuple(x, h0, Wx, Wh, b):
    h = np.zeros(x.shape[0], x.shape[1], h0.shape[1])
    return h, []


@mistake("rnn_forward", "调用一步的前向时，参数的次序写反了：先是输入与状态，然后是 Wx 与 Wh。")
def step_arguments_swapped(x, h0, Wx, Wh, b):
    h, state = np.zeros((*x.shape[:2], h0.shape[1])), h0
    for t in range(x.shape[1]):
        state, _ = rnn_step_forward(state, x[:, t], Wx, Wh, b)
        h[:, t] = state
    return h, []


@mistake("rnn_forward", "长度为 1 的维度被去掉了：只有一个样本或只有一步时，形状也应当是 (N, T, H)。")
def states_squeezed(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h.squeeze(), cache


@mistake("rnn_forward", "第一步重复了一次：循环里第一步应当从 h0 和第一个输入出发，只走一遍。")
def first_step_twice(x, h0, Wx, Wh, b):
    return rnn_forward(x, rnn_step_forward(x[:, 0], h0, Wx, Wh, b)[0], Wx, Wh, b)


@mistake("rnn_forward", "读入的总是晚一步的输入。检查循环的起点和 x 的时间下标。")
def input_one_step_late(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, inputs=lambda t: t - 1)


@mistake("rnn_forward", "第一个时刻没有计算，留下了零：循环应当从下标 0 开始。")
def first_step_missing(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x[:, 1:], h0, Wx, Wh, b)
    return np.concatenate([0 * h0[:, None], h], axis=1), cache


@mistake("rnn_forward", "后面的每一步都从零出发：读上一步的状态时，读到的是还没有写过的位置。")
def later_steps_from_zero(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, state=lambda t, h: h0 if t == 0 else 0 * h0)


@mistake("rnn_forward", "每一步都从零出发：上一步的状态没有传下去，h0 也没有用上。")
def every_step_from_zero(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, state=lambda t, h: 0 * h0)


@mistake("rnn_forward", "每一步读到的状态早了一步：应当是刚刚算出来的那一个。")
def state_of_two_steps_before(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, state=lambda t, h: h[:, t - 2] if t > 1 else h0)


@mistake("rnn_forward", "每一步读到的都是同一个输入，而且是最后一个。检查 x 的时间下标。")
def last_input_everywhere(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, inputs=lambda t: -1)


@mistake("rnn_forward", "各时刻的状态被加在了一起：下一步只从刚刚算出的状态出发，不是从它们的和。")
def states_added_up(x, h0, Wx, Wh, b):
    return unrolled(x, h0, Wx, Wh, b, state=lambda t, h: h0 + h[:, :t].sum(axis=1))


@mistake("rnn_forward", "写进 h 的次序颠倒了：第 t 步的结果要写到下标 t。")
def states_written_backwards(x, h0, Wx, Wh, b):
    h, cache = rnn_forward(x, h0, Wx, Wh, b)
    return h[:, ::-1], cache


# rnn_backward


def back_through_time(dh, cache, upstream=None):
    """Run the right step from the last moment to the first, fed with upstream(t, dprev_h) -> results by step."""
    steps, dprev_h = {}, np.zeros_like(dh[:, 0])
    for t in reversed(range(dh.shape[1])):
        arriving = dh[:, t] + dprev_h if upstream is None else upstream(t, dprev_h)
        steps[t] = rnn_step_backward(arriving, cache[t])
        dprev_h = steps[t][1]
    return steps


def gathered(steps):
    """Put the steps' results together: dx stacked over time, dh0 of the first step, weights' gradients summed."""
    order = sorted(steps)
    dx = np.stack([steps[t][0] for t in order], axis=1)
    return (dx, steps[0][1], *(sum(steps[t][i] for t in order) for i in (2, 3, 4)))


@mistake("rnn_backward", "每个时刻的隐藏状态有两个去处：这一刻的输出和下一刻的状态。你只收到了其中一路的梯度。")
def next_step_gradient_missing(dh, cache):
    return gathered(back_through_time(dh, cache, lambda t, dprev_h: dh[:, t]))


@mistake("rnn_backward", "只用了最后一个时刻的上游梯度。每个时刻的输出都会影响损失。")
def upstream_only_at_the_end(dh, cache):
    T = dh.shape[1]
    return gathered(back_through_time(dh, cache, lambda t, dprev_h: dh[:, t] if t == T - 1 else dprev_h))


@mistake("rnn_backward", "从后面传来的梯度越积越多：每过一步，它应当被新的替换，而不是与旧的相加。")
def state_gradient_piles_up(dh, cache):
    total = np.zeros_like(dh[:, 0])

    def upstream(t, dprev_h):
        total[...] += dprev_h
        return dh[:, t] + total

    return gathered(back_through_time(dh, cache, upstream))


@mistake("rnn_backward", "各时刻共用一组参数，它们的梯度应当累加；你每一步都把它们重写了一遍。")
def weights_overwritten(dh, cache):
    steps = back_through_time(dh, cache)
    return (*gathered(steps)[:2], *steps[0][2:])


@mistake("rnn_backward", "db 没有累加：它每一步都被重写。")
def bias_overwritten(dh, cache):
    steps = back_through_time(dh, cache)
    return (*gathered(steps)[:4], steps[0][4])


@mistake("rnn_backward", "参数的梯度除以了时刻数。各时刻的贡献应当相加，不取平均。")
def gradients_averaged_over_time(dh, cache):
    dx, dh0, *weights = rnn_backward(dh, cache)
    return (dx, dh0, *(gradient / dh.shape[1] for gradient in weights))


@mistake("rnn_backward", "dh0 差了一步：它应当是穿过第一个时刻之后得到的梯度。")
def dh0_one_step_off(dh, cache):
    steps = back_through_time(dh, cache)
    dx, _, *weights = gathered(steps)
    return (dx, steps[1][1] if 1 in steps else np.zeros_like(dh[:, 0]), *weights)


@mistake("rnn_backward", "dh0 取自最后一个时刻。反向循环结束的时候，手里的是哪一个时刻传出来的梯度？")
def dh0_from_last_step(dh, cache):
    steps = back_through_time(dh, cache)
    dx, _, *weights = gathered(steps)
    return (dx, steps[dh.shape[1] - 1][1], *weights)


@mistake("rnn_backward", "dh0 是第一个隐藏状态的梯度，它还没有穿过第一步回到 h0。")
def dh0_before_first_step(dh, cache):
    steps = back_through_time(dh, cache)
    dx, _, *weights = gathered(steps)
    return (dx, dh[:, 0] + (steps[1][1] if 1 in steps else 0), *weights)


@mistake("rnn_backward", "dh0 把各时刻的梯度都加了起来。参数是共用的，h0 却只在第一步用过一次。")
def dh0_summed_over_time(dh, cache):
    steps = back_through_time(dh, cache)
    dx, _, *weights = gathered(steps)
    return (dx, sum(step[1] for step in steps.values()), *weights)


@mistake("rnn_backward", "循环的方向反了：梯度应当从最后一个时刻流回第一个时刻。")
def loops_forwards(dh, cache):
    steps, dprev_h = {}, np.zeros_like(dh[:, 0])
    for t in range(dh.shape[1]):
        steps[t] = rnn_step_backward(dh[:, t] + dprev_h, cache[t])
        dprev_h = steps[t][1]
    dx, _, *weights = gathered(steps)
    return (dx, dprev_h, *weights)


@mistake("rnn_backward", "dx 的时间次序颠倒了。从后往前循环时，结果该写到哪个下标？")
def dx_reversed_in_time(dh, cache):
    dx, *others = rnn_backward(dh, cache)
    return (dx[:, ::-1], *others)


@mistake("rnn_backward", "两路梯度应当相加，你把它们乘了起来。")
def paths_multiplied(dh, cache):
    T = dh.shape[1]
    return gathered(back_through_time(dh, cache, lambda t, d: dh[:, t] if t == T - 1 else dh[:, t] * d))


@mistake("rnn_backward", "从后面传来的梯度多乘了一次 Wh：一步的反向已经乘过了，直接相加就行。")
def carried_twice_through_weights(dh, cache):
    return gathered(back_through_time(dh, cache, lambda t, dprev_h: dh[:, t] + dprev_h @ cache[0][3].T))


@mistake("rnn_backward", "所有的梯度都是零：要么 dh 没有进入循环，要么算好的结果没有写进数组。")
def upstream_ignored(dh, cache):
    return gathered(back_through_time(0 * dh, cache))


@mistake("rnn_backward", "第一步的 cache 里，旧状态不再是 h0：前向时是不是在原来的数组上改写了它？")
def first_state_overwritten(dh, cache):
    (x, _, *others), *later = cache
    return rnn_backward(dh, [(x, cache[-1][-1], *others), *later])


@mistake("rnn_backward", "从后面传来的梯度用了上一轮以前的值：每一步之后都要换成这一步刚传出来的。")
def carried_gradient_not_renewed(dh, cache):
    T = dh.shape[1]
    last = rnn_step_backward(dh[:, T - 1], cache[T - 1])[1]
    return gathered(back_through_time(dh, cache, lambda t, d: dh[:, t] if t == T - 1 else dh[:, t] + last))


@mistake("rnn_backward", "最后一个时刻没有算进去。检查循环从哪个下标开始。")
def last_step_skipped(dh, cache):
    changed = dh.copy()
    changed[:, -1] = 0
    return rnn_backward(changed, cache)


@mistake("rnn_backward", "第一个时刻没有算进去：循环少走了最后一轮。检查循环在哪个下标结束。")
def first_step_skipped(dh, cache):
    steps = back_through_time(dh, cache)
    dx, _, *_ = gathered(steps)
    dx[:, 0] = 0
    later = [steps[t] for t in steps if t] or [[0 * part for part in steps[0]]]
    return (dx, steps[1][1] if 1 in steps else 0 * dh[:, 0], *(sum(step[i] for step in later) for i in (2, 3, 4)))


@mistake("rnn_backward", "dh 的第一个维度是样本，第二个才是时间：读 dh.shape 或者取第 t 个时刻时，把两者弄反了。")
def upstream_time_index_on_samples(dh, cache):
    steps, dprev_h = {}, 0
    for t in reversed(range(dh.shape[1])):
        steps[t] = rnn_step_backward(dh[t] + dprev_h, cache[t])
        dprev_h = steps[t][1]
    return gathered(steps)


@mistake("rnn_backward", "每一步用的都是同一个 cache。反向的第 t 步要用前向第 t 步留下的那一个。")
def one_cache_for_all_steps(dh, cache):
    return rnn_backward(dh, [cache[-1]] * len(cache))


@mistake("rnn_backward", "最后一个时刻的上游梯度算了两次：从后面传来的梯度应当从零开始。")
def last_upstream_twice(dh, cache):
    changed = dh.copy()
    changed[:, -1] *= 2
    return rnn_backward(changed, cache)


@mistake("rnn_backward", "cache 的次序反了：反向的第 t 步要用前向第 t 步留下的那一个，而不是从头数的第几个。")
def caches_from_the_front(dh, cache):
    return rnn_backward(dh, cache[::-1])


@mistake("rnn_backward", "返回的 dh0 全是零：循环里传出来的那个梯度没有交给它。")
def dh0_stays_zero(dh, cache):
    dx, dh0, *others = rnn_backward(dh, cache)
    return (dx, 0 * dh0, *others)


@mistake("rnn_backward", "dWx 与 dWh 对调了：核对一步的反向返回的次序。")
def sequence_gradients_swapped(dh, cache):
    dx, dh0, dWx, dWh, db = rnn_backward(dh, cache)
    return dx, dh0, dWh, dWx, db


@mistake("rnn_backward", "从后面传来的梯度取了平均或者减半：两路梯度直接相加。")
def carried_gradient_halved(dh, cache):
    return gathered(back_through_time(dh, cache, lambda t, dprev_h: dh[:, t] + dprev_h / 2))


@mistake("rnn_backward", "从后面传来的梯度是减去的：两路梯度应当相加。")
def carried_gradient_subtracted(dh, cache):
    return gathered(back_through_time(dh, cache, lambda t, dprev_h: dh[:, t] - dprev_h))


@mistake("rnn_backward", "每一步用的上游梯度都来自同一个时刻。检查 dh 的时间下标。")
def same_upstream_everywhere(dh, cache):
    return rnn_backward(np.repeat(dh[:, -1:], dh.shape[1], axis=1), cache)


@mistake("rnn_backward", "每一步用的都是第一个时刻的 cache。反向的第 t 步要用前向第 t 步留下的那一个。")
def first_cache_for_all_steps(dh, cache):
    return rnn_backward(dh, [cache[0]] * len(cache))


@mistake("rnn_backward", "参数的梯度除以了 N。各样本的贡献应当相加，取平均是损失函数的事。")
def sequence_gradients_averaged_over_batch(dh, cache):
    dx, dh0, *weights = rnn_backward(dh, cache)
    return (dx, dh0, *(gradient / len(dh) for gradient in weights))


# word_embedding_forward


@mistake("word_embedding_forward", "词的编号从 0 开始，正好就是 W 的行号，不用再加减一。")
def index_off_by_one(x, W):
    return W[x - 1], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "每个样本的各个时刻都取了同一个词。x 的两个维度都要用到。")
def first_word_everywhere(x, W):
    return W[np.repeat(x[:, :1], x.shape[1], axis=1)], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "输出的前两个维度次序反了：先是批量，然后才是时间。")
def words_time_before_batch(x, W):
    return W[x.T], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "词向量都找对了，但样本和时刻混在了一起：reshape 不能用来交换维度。")
def words_scrambled(x, W):
    return W[x.T].reshape(*x.shape, -1), word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "批量和时间两个维度被压成了一个。输出应当是三维的。")
def words_flattened(x, W):
    return W[x.reshape(-1)], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "时间这个维度不见了：每个词都要有自己的向量，不要把它们加起来。")
def words_summed(x, W):
    return W[x].sum(axis=1), word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "词向量的长度被改变了。嵌入只是查表，查到什么就输出什么。")
def words_normalised(x, W):
    rows = W / np.linalg.norm(W, axis=1, keepdims=True)
    return rows[x], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "长度为 1 的维度被去掉了：只有一个样本或只有一步时，形状也应当是 (N, T, D)。")
def words_squeezed(x, W):
    return W[x].squeeze(), word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "x 里是词的编号，不是 V 维的向量，不能这样去乘 W：想想怎样按编号取出 W 的行。")
def numbers_multiplied(x, W):
    return x @ W, (x, W)


@mistake("word_embedding_forward", "取的时候 W 被压平了：每个编号只取到了一个数，而不是一整行。")
def taken_from_flat(x, W):
    return np.take(W, x), (x, W)


@mistake("word_embedding_forward", "查表时查的是列：一个词的向量是 W 的一行。")
def columns_looked_up(x, W):
    return W.T[x], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "查到的向量又乘上了词的编号：编号只用来找是哪一行。")
def vectors_times_numbers(x, W):
    return W[x] * x[:, :, None], word_embedding_forward(x, W)[1]


@mistake("word_embedding_forward", "最后一个时刻没有查，留下了零。检查循环的终点。")
def last_word_not_looked_up(x, W):
    out, cache = word_embedding_forward(x, W)
    return np.concatenate([out[:, :-1], 0 * out[:, -1:]], axis=1), cache


@mistake("word_embedding_forward", "第一个时刻没有查，留下了零。检查循环的起点。")
def first_word_not_looked_up(x, W):
    out, cache = word_embedding_forward(x, W)
    return np.concatenate([0 * out[:, :1], out[:, 1:]], axis=1), cache


@mistake("word_embedding_forward", "查表时用错了样本或时刻的下标：每个样本用的都是第一个样本的词。")
def first_sample_everywhere(x, W):
    return word_embedding_forward(np.repeat(x[:1], len(x), axis=0), W)


# word_embedding_backward


def words_of(dout, cache):
    """Return the words and an array of zeros for dW."""
    x, shape = cache
    return x, np.zeros(shape, dtype=dout.dtype)


@mistake(
    "word_embedding_backward",
    "同一个词出现多次时，只有一次算了数。用数组作下标的 += 对重复的下标不会累加；题目的提示里有办法。",
)
def repeats_lost(dout, cache):
    x, dW = words_of(dout, cache)
    dW[x] += dout
    return dW


@mistake("word_embedding_backward", "同一个句子里重复出现的词没有累加：按样本循环还不够，句子里面也会有重复。")
def repeats_lost_in_a_sentence(dout, cache):
    x, dW = words_of(dout, cache)
    for words, gradients in zip(x, dout, strict=True):
        dW[words] += gradients
    return dW


@mistake("word_embedding_backward", "同一时刻、不同样本里重复出现的词没有累加：按时刻循环还不够，批量里面也会有重复。")
def repeats_lost_in_the_batch(dout, cache):
    x, dW = words_of(dout, cache)
    for t in range(x.shape[1]):
        dW[x[:, t]] += dout[:, t]
    return dW


@mistake("word_embedding_backward", "重复出现的词取了平均。一个词的每一次出现都影响损失，它们的梯度应当怎样合起来？")
def repeats_averaged(dout, cache):
    x, dW = words_of(dout, cache)
    np.add.at(dW, x, dout)
    return dW / np.maximum(np.bincount(x.reshape(-1), minlength=len(dW)), 1)[:, None]


@mistake("word_embedding_backward", "梯度除以了 N。取平均是损失函数的事，这里只管累加。")
def embedding_gradient_averaged(dout, cache):
    return word_embedding_backward(dout, cache) / len(dout)


@mistake("word_embedding_backward", "没有用到上游梯度的数值，只是数了每个词出现的次数。")
def words_only_counted(dout, cache):
    return word_embedding_backward(np.ones_like(dout), cache)


@mistake("word_embedding_backward", "dW 转置了：它的每一行属于一个词，形状与 W 一样。")
def embedding_gradient_transposed(dout, cache):
    return word_embedding_backward(dout, cache).T


@mistake("word_embedding_backward", "dW 的行数由出现过的最大编号决定了。词表里没有出现的词也要有一行。")
def rows_up_to_largest_word(dout, cache):
    x, dW = words_of(dout, cache)
    np.add.at(dW, x, dout)
    return dW[: x.max() + 1]


@mistake("word_embedding_backward", "建立全零数组时，形状要写成一个元组，所以要有两层括号。")
def embedding_shape_not_a_tuple(dout, cache):
    return np.zeros(cache[1][0], cache[1][1])


@mistake("word_embedding_backward", "梯度没有从零开始累加：数组里一开始就有别的值。")
def accumulated_onto_ones(dout, cache):
    return word_embedding_backward(dout, cache) + 1


@mistake("word_embedding_backward", "最后一个时刻的梯度没有加进去。检查循环的终点。")
def last_words_left_out(dout, cache):
    changed = dout.copy()
    changed[:, -1] = 0
    return word_embedding_backward(changed, cache)


@mistake("word_embedding_backward", "第一个时刻的梯度没有加进去。检查循环的起点。")
def first_words_left_out(dout, cache):
    changed = dout.copy()
    changed[:, 0] = 0
    return word_embedding_backward(changed, cache)


@mistake("word_embedding_backward", "每个位置加的都是第一个时刻的梯度。检查 dout 的时间下标。")
def first_gradient_everywhere(dout, cache):
    return word_embedding_backward(np.repeat(dout[:, :1], dout.shape[1], axis=1), cache)


@mistake("word_embedding_backward", "编号差了一：梯度应当加回前向查的那一行。")
def gradient_rows_off_by_one(dout, cache):
    return np.roll(word_embedding_backward(dout, cache), -1, axis=0)


@mistake("word_embedding_backward", "梯度除以了词的总数。取平均是损失函数的事，这里只管累加。")
def embedding_gradient_averaged_over_words(dout, cache):
    return word_embedding_backward(dout, cache) / dout[:, :, 0].size


@mistake("word_embedding_backward", "返回的是每个位置的梯度，还没有加回 W 的各行：dW 的形状应当与 W 一样。")
def gradient_not_gathered(dout, cache):
    return dout


# temporal_affine_forward


@mistake("temporal_affine_forward", "结果里看不到偏置的影响：这一层有乘，也有加。")
def affine_bias_missing(x, w, b):
    return x @ w, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "批量和时间两个维度被压成了一个。算完之后要恢复成三维。")
def affine_flattened(x, w, b):
    return x.reshape(-1, x.shape[-1]) @ w + b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "样本和时刻混在了一起：reshape 不能用来交换维度，压平和恢复时的维度次序要一致。")
def affine_scrambled(x, w, b):
    out = x.transpose(1, 0, 2) @ w + b
    return out.reshape(*x.shape[:2], -1), temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "所有时刻的输出都一样，都来自第一个时刻。每个时刻应当用自己的输入。")
def affine_first_step_everywhere(x, w, b):
    return np.repeat(x[:, :1], x.shape[1], axis=1) @ w + b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "时间这个维度不见了：仿射变换要分别作用在每个时刻上。")
def affine_time_summed(x, w, b):
    return x.sum(axis=1) @ w + b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "仿射变换之后多用了一个非线性函数。这一层只有乘和加。")
def affine_with_tanh(x, w, b):
    return np.tanh(x @ w + b), temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "负的输出都变成了零。这一层只有乘和加，没有非线性函数。")
def affine_with_relu(x, w, b):
    return np.maximum(x @ w + b, 0), temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "长度为 1 的维度被去掉了：只有一个样本、一步或一个输出时，结果也是三维的。")
def affine_squeezed(x, w, b):
    return (x @ w + b).squeeze(), temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "偏置乘上去了。这一层先乘矩阵，再加偏置。")
def affine_bias_multiplied(x, w, b):
    return (x @ w) * b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "矩阵乘法两边的次序反了：样本按行排列，向量应当写在矩阵的左边。")
def affine_weights_on_the_left(x, w, b):
    return w @ x + b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "偏置的符号反了：先乘矩阵，再加上偏置。")
def affine_bias_subtracted(x, w, b):
    return x @ w - b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "只算了最后一个时刻，其余的留下了零。检查写入结果的时间下标。")
def only_last_affine_step(x, w, b):
    out, cache = temporal_affine_forward(x, w, b)
    return np.concatenate([0 * out[:, :-1], out[:, -1:]], axis=1), cache


@mistake("temporal_affine_forward", "最后一个时刻没有计算，留下了零。检查循环的终点。")
def last_affine_step_missing(x, w, b):
    out, cache = temporal_affine_forward(x, w, b)
    return np.concatenate([out[:, :-1], 0 * out[:, -1:]], axis=1), cache


@mistake("temporal_affine_forward", "偏置加了好几次：每个时刻只加一次。")
def bias_once_for_each_later_step(x, w, b):
    times = np.arange(x.shape[1], 0, -1)[:, None]
    return x @ w + times * b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "偏置加了 T 次：每个时刻只加一次。")
def bias_times_steps(x, w, b):
    return x @ w + x.shape[1] * b, temporal_affine_forward(x, w, b)[1]


@mistake("temporal_affine_forward", "各时刻的输出都一样：你对时间取了平均，每个时刻应当用自己的输入。")
def affine_of_the_mean(x, w, b):
    return np.broadcast_to(x.mean(axis=1, keepdims=True) @ w + b, (*x.shape[:2], len(b))), (x, w)


# temporal_affine_backward


@mistake("temporal_affine_backward", "db 只沿批量求了和，还留着时间维度。b 的形状是什么？")
def db_not_summed_over_time(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


@mistake("temporal_affine_backward", "db 只沿时间求了和，还留着批量维度。b 的形状是什么？")
def db_not_summed_over_batch(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=1)


@mistake("temporal_affine_backward", "db 多了大小为 1 的维度。b 是一维数组，它的梯度也应当是。")
def affine_db_keeps_dimensions(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=(0, 1), keepdims=True)


@mistake("temporal_affine_backward", "db 取了平均。b 加在了每个样本的每个时刻上，各处的梯度应当怎样合起来？")
def affine_db_averaged(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.mean(axis=(0, 1))


@mistake("temporal_affine_backward", "dw 和 db 除以了 N。取平均是损失函数的事，这里只管累加。")
def affine_gradients_averaged(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake("temporal_affine_backward", "dw 是转置的：它的形状应当与 w 一样。检查矩阵乘法两边的次序。")
def dw_transposed(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx, dw.T, db


@mistake("temporal_affine_backward", "dw 和 db 只剩下了一个时刻的贡献：在时间循环里应当累加，而不是重写。")
def affine_weights_overwritten(dout, cache):
    x = cache[0]
    dx, _, _ = temporal_affine_backward(dout, cache)
    return dx, x[:, -1].T @ dout[:, -1], dout[:, -1].sum(axis=0)


@mistake("temporal_affine_backward", "dw 用错了对应关系：x 与 dout 压平时的维度次序不一样，配错了对。")
def dw_pairs_scrambled(dout, cache):
    x = cache[0]
    dx, _, db = temporal_affine_backward(dout, cache)
    return dx, x.transpose(1, 0, 2).reshape(-1, x.shape[2]).T @ dout.reshape(-1, dout.shape[2]), db


@mistake("temporal_affine_backward", "dx 的批量和时间两个维度被压成了一个。它的形状应当与 x 一样。")
def affine_dx_flattened(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx.reshape(-1, dx.shape[2]), dw, db


@mistake("temporal_affine_backward", "三维数组的转置会把三个轴全部倒过来，不能直接相乘：先把样本和时间并成一个轴。")
def dw_of_three_axes(dout, cache):
    dx, _, db = temporal_affine_backward(dout, cache)
    return dx, cache[0].T @ dout, db


@mistake("temporal_affine_backward", "dw 还留着批量维度：每个样本一个矩阵，它们应当加起来。")
def dw_not_summed_over_batch(dout, cache):
    dx, _, db = temporal_affine_backward(dout, cache)
    return dx, cache[0].transpose(0, 2, 1) @ dout, db


@mistake("temporal_affine_backward", "dw 返回的就是参数 w 本身，而不是它的梯度。")
def affine_weight_for_its_gradient(dout, cache):
    dx, _, db = temporal_affine_backward(dout, cache)
    return dx, cache[1], db


@mistake("temporal_affine_backward", "dx 少了一个转置：看看 dout 的最后一维与 w 的哪一维相配。")
def affine_dx_not_transposed(dout, cache):
    _, dw, db = temporal_affine_backward(dout, cache)
    return dout @ cache[1], dw, db


@mistake("temporal_affine_backward", "db 沿着输出的维度求了和：应当留下的正是这个维度。")
def affine_db_summed_over_outputs(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=2)


@mistake("temporal_affine_backward", "x 的转置是用 reshape 写的：reshape 不会交换轴，数都换了位置。")
def dw_reshaped_for_transposed(dout, cache):
    dx, _, db = temporal_affine_backward(dout, cache)
    x = cache[0]
    return dx, x.reshape(x.shape[2], -1) @ dout.reshape(-1, dout.shape[2]), db


@mistake("temporal_affine_backward", "w 的转置是用 reshape 写的：reshape 不会交换轴，数都换了位置。")
def affine_dx_reshaped_for_transposed(dout, cache):
    _, dw, db = temporal_affine_backward(dout, cache)
    return dout @ cache[1].reshape(cache[1].shape[::-1]), dw, db


@mistake("temporal_affine_backward", "dw 除以了 N。取平均是损失函数的事，这里只管累加。")
def dw_averaged(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx, dw / len(dout), db


@mistake("temporal_affine_backward", "dw 和 db 除以了 N·T。取平均是损失函数的事，这里只管累加。")
def affine_gradients_averaged_over_all(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx, dw / dout[:, :, 0].size, db / dout[:, :, 0].size


@mistake("temporal_affine_backward", "第一个时刻没有算进去。检查循环的起点。")
def affine_first_step_left_out(dout, cache):
    changed = dout.copy()
    changed[:, 0] = 0
    return temporal_affine_backward(changed, cache)


@mistake("temporal_affine_backward", "最后一个时刻没有算进去。检查循环的终点。")
def affine_last_step_left_out(dout, cache):
    changed = dout.copy()
    changed[:, -1] = 0
    return temporal_affine_backward(changed, cache)


@mistake("temporal_affine_backward", "db 把所有的数加成了一个：只沿批量和时间求和，每个输出留一个数。")
def affine_db_summed_over_everything(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum()


# temporal_softmax_loss


def probabilities(x, axis=-1):
    """Return the softmax of scores along one axis or several."""
    shifted = np.exp(x - x.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def cross_entropy(p, y, loss_mask, dx_mask):
    """Return the summed loss and its gradient, each under its own mask, before any division. p (N, T, V)."""
    hit = np.arange(p.shape[2]) == y[:, :, None]
    return -(np.log((p * hit).sum(axis=2)) * loss_mask).sum(), (p - hit) * dx_mask[:, :, None]


@mistake("temporal_softmax_loss", "损失和梯度都多除以了 T。题目要求沿时间求和，只对批量取平均。")
def averaged_over_time(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss / x.shape[1], dx / x.shape[1]


@mistake("temporal_softmax_loss", "损失和梯度除以了没有被掩掉的词数。题目要求除以的是批量的大小。")
def averaged_over_mask(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss * len(x) / mask.sum(), dx * len(x) / mask.sum()


@mistake("temporal_softmax_loss", "损失和梯度都没有对批量取平均。")
def not_averaged(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss * len(x), dx * len(x)


@mistake("temporal_softmax_loss", "梯度没有对批量取平均：损失里的每一个系数都要带进梯度。")
def gradient_not_averaged(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss, dx * len(x)


@mistake("temporal_softmax_loss", "梯度多除了一次：检查 dx 最后除以的是什么。")
def gradient_averaged_over_time(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss, dx / x.shape[1]


@mistake("temporal_softmax_loss", "被掩掉的位置上梯度应当是零：它们不影响损失。")
def gradient_not_masked(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x), y, mask, np.ones(y.shape))
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "被掩掉的位置也算进了损失：每个词的损失要乘上 mask。")
def loss_not_masked(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x), y, np.ones(y.shape), mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "完全没有用到 mask：填充的 <NULL> 不应当影响损失和梯度。")
def mask_ignored(x, y, mask, verbose=False):
    return temporal_softmax_loss(x, y, np.ones_like(mask))


@mistake("temporal_softmax_loss", "mask 用反了：True 表示这个词要算，False 才是填充。")
def mask_inverted(x, y, mask, verbose=False):
    return temporal_softmax_loss(x, y, ~np.asarray(mask, dtype=bool))


@mistake("temporal_softmax_loss", "mask 乘到得分上了。得分是零不等于不计损失：mask 应当作用在每个词的损失上。")
def mask_on_scores(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x * mask[:, :, None]), y, np.ones(y.shape), mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "softmax 沿着时间做了归一化。哪个维度上的概率加起来应当是 1？")
def softmax_over_time(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x, axis=1), y, mask, mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "softmax 对一个样本的所有时刻一起做了归一化。每个时刻各有一个概率分布。")
def softmax_over_time_and_words(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x, axis=(1, 2)), y, mask, mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "梯度里没有体现正确的词：与概率相比，正确的那个位置还要减去什么？")
def target_not_subtracted(x, y, mask, verbose=False):
    loss, _ = temporal_softmax_loss(x, y, mask)
    return loss, probabilities(x) * mask[:, :, None] / len(x)


@mistake("temporal_softmax_loss", "损失的符号反了：概率小于 1，它的对数是负的，而损失应当是正的。")
def loss_negative(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return -loss, dx


@mistake("temporal_softmax_loss", "损失里用的是概率本身，没有取对数。")
def log_missing(x, y, mask, verbose=False):
    _, dx = temporal_softmax_loss(x, y, mask)
    chosen = np.take_along_axis(probabilities(x), y[:, :, None], axis=2)[:, :, 0]
    return -(chosen * mask).sum() / len(x), dx


@mistake("temporal_softmax_loss", "损失直接用了得分，没有先变成概率的对数：归一化的那一项（分母）到哪里去了？")
def normaliser_missing(x, y, mask, verbose=False):
    _, dx = temporal_softmax_loss(x, y, mask)
    chosen = np.take_along_axis(x, y[:, :, None], axis=2)[:, :, 0]
    return -(chosen * mask).sum() / len(x), dx


@mistake("temporal_softmax_loss", "损失用了以 2 为底的对数。交叉熵用的是自然对数。")
def log_to_base_two(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss / np.log(2), dx


@mistake("temporal_softmax_loss", "求和（或者取最大值）以后少了一个轴，两个数组对不上：要把那个轴保留下来，长度为 1。")
def sum_without_its_axis(x, y, mask, verbose=False):
    e = np.exp(x - x.max(axis=2, keepdims=True))
    return 0.0, e / e.sum(axis=2)


@mistake("temporal_softmax_loss", "mask 比梯度少一个轴，乘之前要给它补上最后一个轴。")
def mask_without_its_axis(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, np.ones_like(mask))
    return loss, dx * mask


@mistake("temporal_softmax_loss", "得分压平了，y 却还是二维的：作下标的数组形状要一致。")
def targets_not_flattened(x, y, mask, verbose=False):
    N, T, V = x.shape
    p = probabilities(x).reshape(N * T, V)
    return -np.log(p[np.arange(N * T), y]).sum(), p


@mistake("temporal_softmax_loss", "损失既对时间求了平均，又对批量求了平均。题目要求沿时间求和，只对批量取平均。")
def loss_averaged_over_time(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss / x.shape[1], dx


@mistake("temporal_softmax_loss", "损失没有对批量取平均：求和之后还要除以批量的大小。")
def loss_not_averaged(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss * len(x), dx


@mistake("temporal_softmax_loss", "损失把正确的词以外的词也算了进去：每个位置只看正确的那个词的概率。")
def loss_over_all_words(x, y, mask, verbose=False):
    _, dx = temporal_softmax_loss(x, y, mask)
    return -(np.log(probabilities(x)) * mask[:, :, None]).sum() / len(x), dx


@mistake("temporal_softmax_loss", "概率没有先取指数：得分直接除以了它们的和。")
def exponential_missing(x, y, mask, verbose=False):
    p = x / x.sum(axis=2, keepdims=True)
    chosen = np.take_along_axis(p, y[:, :, None], axis=2)[:, :, 0]
    hit = np.arange(x.shape[2]) == y[:, :, None]
    return -(np.log(np.abs(chosen)) * mask).sum() / len(x), (p - hit) * mask[:, :, None] / len(x)


@mistake(
    "temporal_softmax_loss", "softmax 把所有样本、所有时刻一起做了归一化。每个位置各有一个概率分布，各自加起来是 1。"
)
def softmax_over_everything(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x, axis=(0, 1, 2)), y, mask, mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "softmax 沿着批量做了归一化。哪个维度上的概率加起来应当是 1？")
def softmax_over_batch(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x, axis=0), y, mask, mask)
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "损失里只有最后一个时刻：各时刻的损失要加起来，你每一步都把它重写了一遍。")
def loss_of_last_step(x, y, mask, verbose=False):
    _, dx = temporal_softmax_loss(x, y, mask)
    return temporal_softmax_loss(x[:, -1:], y[:, -1:], mask[:, -1:])[0], dx


@mistake("temporal_softmax_loss", "损失里少了第一个或最后一个时刻。检查循环的起点和终点。")
def loss_without_last_step(x, y, mask, verbose=False):
    _, dx = temporal_softmax_loss(x, y, mask)
    return temporal_softmax_loss(x, y, mask * (np.arange(x.shape[1]) < x.shape[1] - 1))[0], dx


@mistake("temporal_softmax_loss", "梯度除以了没有被掩掉的词数。题目要求除以的是批量的大小。")
def gradient_averaged_over_mask(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss, dx * len(x) / mask.sum()


@mistake("temporal_softmax_loss", "损失除以了没有被掩掉的词数。题目要求除以的是批量的大小。")
def loss_averaged_over_mask(x, y, mask, verbose=False):
    loss, dx = temporal_softmax_loss(x, y, mask)
    return loss * len(x) / mask.sum(), dx


@mistake("temporal_softmax_loss", "正确的词那里加了 1：与概率相比，那里应当减去 1。")
def target_added(x, y, mask, verbose=False):
    loss, _ = temporal_softmax_loss(x, y, mask)
    p = probabilities(x)
    hit = np.arange(x.shape[2]) == y[:, :, None]
    return loss, (p + hit) * mask[:, :, None] / len(x)


@mistake("temporal_softmax_loss", "每个位置都减去了 1。只有正确的那个词那里才要减。")
def one_subtracted_everywhere(x, y, mask, verbose=False):
    loss, _ = temporal_softmax_loss(x, y, mask)
    return loss, (probabilities(x) - 1) * mask[:, :, None] / len(x)


@mistake("temporal_softmax_loss", "mask 乘到得分上了，而且梯度没有遮住：mask 应当作用在每个词的损失上。")
def mask_on_scores_only(x, y, mask, verbose=False):
    loss, dx = cross_entropy(probabilities(x * mask[:, :, None]), y, np.ones(y.shape), np.ones(y.shape))
    return loss / len(x), dx / len(x)


@mistake("temporal_softmax_loss", "被遮住的位置上，只去掉了正确的词那一项，概率还留在梯度里。")
def only_target_masked(x, y, mask, verbose=False):
    loss, _ = temporal_softmax_loss(x, y, mask)
    hit = np.arange(x.shape[2]) == y[:, :, None]
    return loss, (probabilities(x) - hit * mask[:, :, None]) / len(x)


# CaptioningRNN.loss


def caption(model, features, words, targets, mask, state=None, **changed):
    """Run the right model with words, targets, initial state or parameters changed -> loss, grads, dh, dh0."""
    p = {**model.params, **changed}
    h0 = features @ p["W_proj"] + p["b_proj"] if state is None else state
    vectors, embedded = word_embedding_forward(words, p["W_embed"])
    h, run = rnn_forward(vectors, h0, p["Wx"], p["Wh"], p["b"])
    scores, projected = temporal_affine_forward(h, p["W_vocab"], p["b_vocab"])
    loss, dscores = temporal_softmax_loss(scores, targets, mask)
    grads = {}
    dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, projected)
    dvectors, dh0, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(dh, run)
    grads["W_embed"] = word_embedding_backward(dvectors, embedded)
    grads["W_proj"], grads["b_proj"] = features.T @ dh0, dh0.sum(axis=0)
    return loss, grads, dh, dh0


def with_params(model, features, captions, **changed):
    """Run the right method of a model that has other parameters -> loss, grads."""
    other = object.__new__(CaptioningRNN)
    vars(other).update(vars(model), params={**model.params, **changed})
    return CaptioningRNN.loss(other, features, captions)


def split(model, captions):
    """Split captions as the given code does -> words in, words out, mask."""
    return captions[:, :-1], captions[:, 1:], captions[:, 1:] != model._null


@mistake("CaptioningRNN.loss", "图像特征没有用上：隐藏状态应当从什么出发？")
def initial_state_left_out(self, features, captions):
    h0 = np.zeros_like(features @ self.params["W_proj"])
    return caption(self, features, *split(self, captions), state=h0)[:2]


@mistake("CaptioningRNN.loss", "投影图像特征的时候少了偏置。")
def projection_bias_forgotten(self, features, captions):
    return with_params(self, features, captions, b_proj=0 * self.params["b_proj"])


@mistake("CaptioningRNN.loss", "把隐藏状态变成得分的时候少了偏置。")
def vocabulary_bias_forgotten(self, features, captions):
    return with_params(self, features, captions, b_vocab=0 * self.params["b_vocab"])


@mistake("CaptioningRNN.loss", "投影之后多用了一个 tanh。初始隐藏状态只是图像特征的仿射变换。")
def tanh_on_projection(self, features, captions):
    h0 = np.tanh(features @ self.params["W_proj"] + self.params["b_proj"])
    return caption(self, features, *split(self, captions), state=h0)[:2]


@mistake("CaptioningRNN.loss", "送进网络的是整个 captions，比目标多一个词。想想输入的词和要预测的词各是哪一段。")
def whole_captions_as_input(self, features, captions):
    _, targets, mask = split(self, captions)
    return caption(self, features, captions, targets, mask)[:2]


@mistake("CaptioningRNN.loss", "输入和目标都是整个 captions：网络预测的成了它刚刚读到的那个词，而不是下一个词。")
def captions_not_shifted(self, features, captions):
    return caption(self, features, captions, captions, captions != self._null)[:2]


@mistake("CaptioningRNN.loss", "送进网络的正是它要预测的那些词：答案不能当作输入。")
def targets_as_input(self, features, captions):
    _, targets, mask = split(self, captions)
    return caption(self, features, targets, targets, mask)[:2]


@mistake("CaptioningRNN.loss", "要预测的应当是下一个词，你拿来比较的是当前输入的词。")
def inputs_as_targets(self, features, captions):
    words, _, mask = split(self, captions)
    return caption(self, features, words, words, mask)[:2]


@mistake("CaptioningRNN.loss", "没有用到给出的 mask：填充的 <NULL> 也被算进了损失。")
def captions_not_masked(self, features, captions):
    words, targets, mask = split(self, captions)
    return caption(self, features, words, targets, np.ones_like(mask))[:2]


@mistake("CaptioningRNN.loss", "mask 应当看要预测的词是不是 <NULL>，而不是输入的词。")
def mask_of_inputs(self, features, captions):
    words, targets, _ = split(self, captions)
    return caption(self, features, words, targets, words != self._null)[:2]


@mistake("CaptioningRNN.loss", "投影层的梯度来得不对：传回 h0 的梯度是 rnn_backward 给出的，不是第一个时刻的上游梯度。")
def projection_gradient_from_first_output(self, features, captions):
    loss, grads, dh, _ = caption(self, features, *split(self, captions))
    grads["W_proj"], grads["b_proj"] = features.T @ dh[:, 0], dh[:, 0].sum(axis=0)
    return loss, grads


@mistake("CaptioningRNN.loss", "b_proj 的梯度没有沿批量求和：它的形状应当与 b_proj 一样。")
def projection_bias_gradient_not_summed(self, features, captions):
    loss, grads, _, dh0 = caption(self, features, *split(self, captions))
    return loss, {**grads, "b_proj": dh0}


@mistake("CaptioningRNN.loss", "b 与 b_proj 的梯度对调了：两个偏置形状相同，放错了也不会报错。")
def bias_gradients_swapped(self, features, captions):
    loss, grads, _, _ = caption(self, features, *split(self, captions))
    return loss, {**grads, "b": grads["b_proj"], "b_proj": grads["b"]}


@mistake("CaptioningRNN.loss", "损失和梯度又除以了一次批量大小：temporal_softmax_loss 里已经取过平均了。")
def averaged_twice(self, features, captions):
    loss, grads, _, _ = caption(self, features, *split(self, captions))
    return loss / len(captions), {key: gradient / len(captions) for key, gradient in grads.items()}


@mistake("CaptioningRNN.loss", "W_proj 的梯度用的是 h0：前向里与 W_proj 相乘的是哪一个量？")
def projection_gradient_from_state(self, features, captions):
    loss, grads, _, dh0 = caption(self, features, *split(self, captions))
    h0 = features @ self.params["W_proj"] + self.params["b_proj"]
    return loss, {**grads, "W_proj": h0.T @ dh0}


@mistake("CaptioningRNN.loss", "W_proj 的梯度转置了：它的形状应当与 W_proj 一样。")
def projection_gradient_transposed(self, features, captions):
    loss, grads, _, _ = caption(self, features, *split(self, captions))
    return loss, {**grads, "W_proj": grads["W_proj"].T}


@mistake("CaptioningRNN.loss", "字典里放的是参数本身，而不是它们的梯度。")
def parameters_for_gradients(self, features, captions):
    loss, _, _, _ = caption(self, features, *split(self, captions))
    return loss, dict(self.params)


@mistake("CaptioningRNN.loss", "送进 softmax 的应当是词表上的得分，你送进去的是隐藏状态。")
def states_into_softmax(self, features, captions):
    words, targets, mask = split(self, captions)
    h0 = features @ self.params["W_proj"] + self.params["b_proj"]
    vectors, _ = word_embedding_forward(words, self.params["W_embed"])
    h, _ = rnn_forward(vectors, h0, self.params["Wx"], self.params["Wh"], self.params["b"])
    _, projected = temporal_affine_forward(h, self.params["W_vocab"], self.params["b_vocab"])
    loss, dscores = temporal_softmax_loss(h, targets, mask)
    return loss, dict(zip(("W_vocab",), temporal_affine_backward(dscores, projected), strict=False))


@mistake("CaptioningRNN.loss", "Wx 与 Wh 的梯度对调了：核对每个 backward 返回值的次序。")
def recurrent_gradients_swapped(self, features, captions):
    loss, grads, _, _ = caption(self, features, *split(self, captions))
    return loss, {**grads, "Wx": grads["Wh"], "Wh": grads["Wx"]}


@mistake("CaptioningRNN.loss", "b_vocab 与 b 的梯度放错了位置：一个有 V 项，一个有 H 项。")
def vocabulary_and_state_biases_swapped(self, features, captions):
    loss, grads, _, _ = caption(self, features, *split(self, captions))
    return loss, {**grads, "b": grads["b_vocab"], "b_vocab": grads["b"]}


@mistake("CaptioningRNN.loss", "b_proj 的梯度取了平均。损失里已经除以过批量大小，这里只要相加。")
def projection_bias_gradient_averaged(self, features, captions):
    loss, grads, _, dh0 = caption(self, features, *split(self, captions))
    return loss, {**grads, "b_proj": dh0.mean(axis=0)}


@mistake("CaptioningRNN.loss", "W_proj 的梯度除以了批量大小。损失里已经除以过，这里只要相乘相加。")
def projection_gradient_averaged(self, features, captions):
    loss, grads = CaptioningRNN.loss(self, features, captions)
    return loss, {**grads, "W_proj": grads["W_proj"] / len(features)}


@mistake("CaptioningRNN.loss", "损失又除以了时刻数：temporal_softmax_loss 给出的就是要的损失。")
def loss_divided_by_steps(self, features, captions):
    loss, grads = CaptioningRNN.loss(self, features, captions)
    return loss / (captions.shape[1] - 1), grads


@mistake("CaptioningRNN.loss", "返回的损失又除以了批量大小：temporal_softmax_loss 里已经取过平均了。")
def loss_divided_by_batch(self, features, captions):
    loss, grads = CaptioningRNN.loss(self, features, captions)
    return loss / len(captions), grads


@mistake("CaptioningRNN.loss", "RNN 里少了偏置 b。")
def recurrent_bias_forgotten(self, features, captions):
    return with_params(self, features, captions, b=0 * self.params["b"])


@mistake("CaptioningRNN.loss", "RNN 里用的偏置是 b_proj，不是 b：两个偏置形状相同，用错了也不会报错。")
def projection_bias_in_the_recurrence(self, features, captions):
    return with_params(self, features, captions, b=self.params["b_proj"])


@mistake("CaptioningRNN.loss", "投影图像特征时用的偏置是 b，不是 b_proj：两个偏置形状相同，用错了也不会报错。")
def recurrent_bias_in_the_projection(self, features, captions):
    return with_params(self, features, captions, b_proj=self.params["b"])


@mistake("CaptioningRNN.loss", "mask 反了：要算的是不等于 <NULL> 的词。")
def mask_of_padding(self, features, captions):
    words, targets, mask = split(self, captions)
    return caption(self, features, words, targets, ~mask)[:2]


@mistake("CaptioningRNN.loss", "投影之后多用了一个 ReLU。初始隐藏状态只是图像特征的仿射变换。")
def relu_on_projection(self, features, captions):
    h0 = np.maximum(features @ self.params["W_proj"] + self.params["b_proj"], 0)
    return caption(self, features, *split(self, captions), state=h0)[:2]
