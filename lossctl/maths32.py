"""The elementary functions of `lossctl.maths` in single precision, for `--arithmetic native`.

The same names, but only to be compiled: the engine turns every constant of this file into a float32 (Python's own
floats are doubles), but for functions called `_wide…`, and the functions at the top into a few instructions on bits.
What is not here is compiled from `lossctl.maths` itself, with its constants turned alike. As there: no branches, no
tables, nothing reordered. Products are fused with sums where it says so (`fused`), which rounds once on any machine;
no interpreter has to follow here.

Errors are in units in the last place (ulp) of a float32; `tests/test_maths32.py` measures them. NaN in gives NaN out.

Sources: the polynomials of exp, log and atan are those of Moshier's Cephes, that of artanh comes from a Remez exchange,
the reductions are those of `lossctl.maths`.
"""

import math

from lossctl import maths
from lossctl.maths import clamp, select, smaller

INF = float("inf")
NAN = float("nan")

SMALLEST_NORMAL = 2.0**-126
TWO_24 = 2.0**24
LOG2_E = 1.44269504088896341
# ln 2 in two parts; the first has 10 bits, so its product with an exponent is exact.
LN2_HI = 0.693359375
LN2_LO = -2.12194440e-4
# The same with all bits in the first, for products that are not rounded.
LN2 = 0.693147182464599609375
LN2_REST = -1.904654299957768e-9
# Added to a number below 2²² it rounds it to an integer k and leaves k + 254 in the low bits, two exponent biases.
ROUNDER = 1.5 * 2.0**23 + 254.0


def wide(x):
    """Return x as a double."""
    raise NotImplementedError


def narrow(x):
    """Return x as the nearest float32."""
    raise NotImplementedError


def fused(a, b, c):
    """Return a · b + c, rounded once."""
    raise NotImplementedError


def lower_power(shifted):
    """2ʰ, where h + 127 is half of k + 254 in the low bits of `shifted`, rounded down."""
    raise NotImplementedError


def upper_power(shifted):
    """2ᵏ⁻ʰ for the same k and h."""
    raise NotImplementedError


def inverse_power(shifted):
    """2⁻ᵏ for the same k, from −126 to 127."""
    raise NotImplementedError


def half_power(shifted):
    """2ᵏ⁻¹ for the same k, from −125 to 128."""
    raise NotImplementedError


def exponent(x):
    """The k, as a float32, where x = 2ᵏ · (1 + f) and √½ ≤ 1 + f < √2; x is positive and normal."""
    raise NotImplementedError


def fraction(x):
    """1 + f for the same f."""
    raise NotImplementedError


def inverse_scale(x):
    """2⁻ᵏ, where 2ᵏ ≤ x < 2ᵏ⁺¹ and −126 ≤ k ≤ 126."""
    raise NotImplementedError


def with_sign_of(x, size):
    """`size` with the sign of `x`, be it a zero."""
    raise NotImplementedError


def scale_of(x):
    """A power of two s with 1 ≤ |x|·s < 2, exactly: as `lossctl.maths.scale_of`, within 2⁻¹²⁶ and 2¹²⁶."""
    s = inverse_scale(clamp(abs(x), SMALLEST_NORMAL, 2.0**126))
    return select(x == 0.0, 1.0, select(x != x, x, s))


def _scaled(y, shifted):
    return y * lower_power(shifted) * upper_power(shifted)


def _exp_series(r):
    # (eʳ − 1 − r) / r²
    series = fused(r, 1.9875691500e-4, 1.3981999507e-3)
    series = fused(r, series, 8.3334519073e-3)
    series = fused(r, series, 4.1665795894e-2)
    series = fused(r, series, 1.6666665459e-1)
    return fused(r, series, 5.0000001201e-1)


def _exp_parts(anchor, hi, lo):
    # anchor + (e^(hi + lo) − 1) as an unevaluated sum, as in `lossctl.maths`.
    r = hi + lo
    total = anchor + hi
    return total, (hi - (total - anchor)) + fused(r * r, _exp_series(r), lo)


def exp(x):
    """eˣ within 1 ulp, subnormal results included; 0 for −∞ and on underflow, ∞ on overflow."""
    near = clamp(x, -105.0, 89.0)
    shifted = fused(near, LOG2_E, ROUNDER)
    k = shifted - ROUNDER
    r = fused(-k, LN2_REST, fused(-k, LN2, near))
    return _scaled(1.0 + fused(r * r, _exp_series(r), r), shifted)


def expm1(x):
    """eˣ − 1 within 1.5 ulp; −1 for −∞, ∞ on overflow, −0 for −0.

    With x = k·ln2 + r it is 2ᵏ·(eʳ − 1) + (2ᵏ − 1), here by halves, for 2¹²⁸ is none.
    """
    near = clamp(x, -20.0, 89.0)
    shifted = fused(near, LOG2_E, ROUNDER)
    k = shifted - ROUNDER
    hi = fused(-k, LN2, near)
    lo = -k * LN2_REST
    r = hi + lo
    half = half_power(shifted)
    result = fused(fused(r * r, _exp_series(r), lo), half, fused(hi, half, half - 0.5))
    # What is so small is its own answer, and its half may be none.
    return select(abs(x) < 2.0**-26, x, result + result)


def decay(x):
    """1 − e⁻ˣ within 1.5 ulp for x ≥ 0 alone."""
    near = clamp(x, 0.0, 20.0)
    shifted = fused(near, -LOG2_E, ROUNDER)
    k = shifted - ROUNDER
    hi = fused(-k, LN2, -near)
    lo = -k * LN2_REST
    r = hi + lo
    power = half_power(shifted + 1.0)
    return fused(-fused(r * r, _exp_series(r), lo), power, fused(-hi, power, 1.0 - power))


def _log1p_reduced(f, k, rest):
    # log(1 + f) + k ln 2 + rest, for √½ ≤ 1 + f < √2.
    square = f * f
    series = fused(f, 7.0376836292e-2, -1.1514610310e-1)
    series = fused(f, series, 1.1676998740e-1)
    series = fused(f, series, -1.2420140846e-1)
    series = fused(f, series, 1.4249322787e-1)
    series = fused(f, series, -1.6668057665e-1)
    series = fused(f, series, 2.0000714765e-1)
    series = fused(f, series, -2.4999993993e-1)
    series = fused(f, series, 3.3333331174e-1)
    rest = fused(square, f * series, fused(k, LN2_LO, rest))
    return fused(k, LN2_HI, f + fused(-0.5, square, rest))


def log(x):
    """Natural logarithm within 1 ulp; −∞ for ±0, NaN for x < 0, ∞ for ∞."""
    small = x < SMALLEST_NORMAL
    normal = select(small, x * TWO_24, select(x < INF, x, 1.0))
    normal = select(normal > 0.0, normal, 1.0)
    k = exponent(normal) - select(small, 24.0, 0.0)
    result = _log1p_reduced(fraction(normal) - 1.0, k, 0.0)
    return select(x > 0.0, select(x < INF, result, x), select(x == 0.0, -INF, NAN))


def log1p(x):
    """log(1 + x) within 1 ulp; −∞ for −1, NaN for x < −1, ∞ for ∞, −0 for −0."""
    near = select((x > -1.0) & (x < INF), x, 0.0)
    u = 1.0 + near
    lost = select(near > 1.0, 1.0 - (u - near), near - (u - 1.0))
    k = exponent(u)
    whole = k == 0.0
    f = select(whole, near, fraction(u) - 1.0)
    result = _log1p_reduced(f, k, select(whole, 0.0, lost / u))
    result = select(x == 0.0, x, result)
    return select(x > -1.0, select(x < INF, result, x), select(x == -1.0, -INF, NAN))


def log1p_part(x):
    """log(1 + x) within 1.5 ulp for 0 ≤ x ≤ 1 alone."""
    near = select(x < 0.0, 0.0, x)
    above = near > 0.41421356237309503
    less = near - 1.0
    lost = select(above, 0.68 * (near - (less + 1.0)), 0.0)
    return _log1p_reduced(select(above, 0.5 * less, near), select(above, 1.0, 0.0), lost)


def artanh_rest(s):
    """artanh(s) / s − 1 within 2 ulp for |s| ≤ 3 − 2√2 alone."""
    z = s * s
    series = fused(z, 0.11665554258012192, 0.14275396690846234)
    series = fused(z, series, 0.20000061066321875)
    return fused(z * z, series, 0.333333332770178 * z)


def sigmoid(z):
    """1 / (1 + e⁻ᶻ) within 2 ulp; 0 for −∞, 1 for ∞."""
    e = exp(-abs(z))
    below = 1.0 + e
    quotient = select(z < 0.0, e, 1.0) / below
    # What 1 + e rounded away.
    return quotient - quotient * (e - (below - 1.0)) * select(z < 0.0, 1.0 - quotient, quotient)


def tanh(x):
    """Hyperbolic tangent within 1.5 ulp; ±1 for ±∞, −0 for −0."""
    near = smaller(abs(x), 15.0) * -2.0
    shifted = fused(near, LOG2_E, ROUNDER)
    k = shifted - ROUNDER
    inverse = inverse_power(shifted)
    anchor = 1.0 - inverse
    total, rest = _exp_parts(anchor, near - k * LN2_HI, -(k * LN2_LO))
    rest = rest + (1.0 - (anchor + inverse))
    t = _scaled(total + rest, shifted)
    t_rest = _scaled(rest - ((total + rest) - total), shifted)
    below = 2.0 + t
    quotient = -t / below
    lost = t_rest + quotient * ((t - (below - 2.0)) + t_rest)
    return with_sign_of(x, quotient - lost * (0.5 + 0.5 * quotient))


def atan(x):
    """Arc tangent within 2 ulp; ±π/2 for ±∞, −0 for −0."""
    a = abs(x)
    steep, high = a > 0.4142135623730950, a > 2.414213562373095
    hi = select(high, 1.57079637050628662109375, select(steep, 0.785398185253143310546875, 0.0))
    lo = select(high, -4.37113900018624283e-8, select(steep, -2.18556950009312142e-8, 0.0))
    t = select(high, -1.0, select(steep, a - 1.0, a)) / select(high, a, select(steep, a + 1.0, 1.0))
    z = t * t
    series = fused(z, 8.05374449538e-2, -1.38776856032e-1)
    series = fused(z, series, 1.99777106478e-1)
    series = fused(z, series, -3.33329491539e-1)
    return with_sign_of(x, hi + (t + fused(z * t, series, lo)))


def _wide_log(x, s, f):
    # The logarithm of a positive normal double within 2⁻³⁶, given a rough s = f / (2 + f), which is refined.
    carried = maths.bits(x) + maths.CENTRE
    k = maths.unbits(((carried & maths.EXPONENT) >> 52) + maths.BITS_OF_TWO_52) - (maths.TWO_52 + 1023.0)
    s = s + (f - s * (2.0 + f)) * 0.5 * (1.0 - s)
    z = s * s
    series = 0.18181818 + z * 0.15384615
    series = 0.2222222222 + z * series
    series = 0.28571428571 + z * series
    series = 0.4 + z * series
    series = 0.6666666666666666 + z * series
    return k * 0.6931471805599453 + (2.0 * s + s * z * series)


def _wide_fraction(x):
    # f of x = 2ᵏ·(1 + f), √½ ≤ 1 + f < √2.
    return maths.unbits(((maths.bits(x) + maths.CENTRE) & maths.FRACTION) + maths.SQRT_HALF_BITS) - 1.0


def _wide_exp(x):
    # eˣ within 2⁻²⁷, for |x| < 700.
    shifted = x * maths.LOG2_E + (1.5 * maths.TWO_52 + 1023.0)
    r = x - (shifted - (1.5 * maths.TWO_52 + 1023.0)) * 0.6931471805599453
    series = 0.001388888888888889 + r * 0.0001984126984126984
    series = 0.008333333333333333 + r * series
    series = 0.041666666666666664 + r * series
    series = 0.16666666666666666 + r * series
    series = 0.5 + r * series
    return (1.0 + (r + r * r * series)) * maths.unbits((maths.bits(shifted) & 2047) << 52)


def _wide_product(y, log):
    # y · log x, as far as e to its power is a float32.
    return clamp(clamp(y, -1e12, 1e12) * log, -120.0, 120.0)


def _easy_power(x, y, other):
    # x to an exponent that takes a few products or a root, else `other`: all that is left where y is a constant.
    square = wide(x) * wide(x)
    easy = select(y == 4.0, narrow(square * square), select(y == 3.0, narrow(square * wide(x)), x))
    easy = select(y == 2.0, x * x, select(y == 0.5, math.sqrt(select(x > 0.0, x, 0.0)), easy))
    return select((y == 0.5) | (y == 1.0) | (y == 2.0) | (y == 3.0) | (y == 4.0), easy, other)


def power(x, y):
    """The power xʸ for x ≥ 0, within 1 ulp, with the special values of `lossctl.maths.power`.

    e^(y·log x) in doubles of as many digits as it takes; of easy exponents products and a root.
    """
    f = _wide_fraction(wide(x))
    log_x = _wide_log(wide(x), wide(narrow(f) / (2.0 + narrow(f))), f)
    result = _easy_power(x, y, narrow(_wide_exp(_wide_product(wide(y), log_x))))
    at_end = select(y == 0.0, 1.0, select((y > 0.0) == (x > 1.0), INF, 0.0))
    result = select((x == 0.0) | (x == INF), at_end, result)
    result = select(x >= 0.0, result, NAN)
    return select(y == y, result, y)


def sine(a, b):
    """sin(a − b) within 1 ulp, of the difference itself."""
    return narrow(maths.sine(wide(a), wide(b)))


def cosine(a, b):
    """cos(a − b) within 1 ulp, of the difference itself."""
    return narrow(maths.cosine(wide(a), wide(b)))


def sine_degrees(a, b):
    """The sine of a − b degrees within 1 ulp, as `sine`."""
    return narrow(maths.sine_degrees(wide(a), wide(b)))


def cosine_degrees(a, b):
    """The cosine of a − b degrees within 1 ulp, as `cosine`."""
    return narrow(maths.cosine_degrees(wide(a), wide(b)))
