"""The elementary functions every formula is written with, as plain Python on IEEE doubles.

The same source runs three ways: interpreted on Python floats, compiled by the engine, and replaced name by
name with arbitrary-precision functions in the tests.  The first two give the same bits, because each
function is a fixed sequence of ``+ - * / sqrt``, comparisons and 64-bit integer operations, all of which
IEEE 754 and two's complement define exactly, and because nothing here is ever fused or reordered.

What the compiler needs to turn a loop over these functions into packed instructions shapes the code:

* no branches: ``select`` evaluates both sides, and special values are put right at the end;
* no loops, tables, exceptions or library calls except ``math.sqrt``, which is one instruction;
* integers fit in 64 bits without wrapping, are shifted only after masking to a non-negative value (AVX2
  has no arithmetic 64-bit right shift) and become doubles by way of the bits of 2⁵² (nor does it convert);
* no division by a zero, which Python would raise on.

Errors are in units in the last place (ulp) of the exact result; ``tests/test_maths.py`` measures them.
NaN in gives NaN out unless a docstring says otherwise.  Arguments are floats.

Sources: the reductions and the coefficients of log, log1p, atan, sine and cosine are those of FreeBSD's msun (fdlibm);
those of exp, of artanh and of the logarithm inside power come from a Remez exchange run at 60 digits.
"""

import math
import struct

INF = math.inf
NAN = math.nan

SIGN = -(1 << 63)
EXPONENT = 0x7FF << 52
FRACTION = (1 << 52) - 1
# Clears 27 bits of the significand: the product of two numbers of 26 bits is exact.
UPPER = -(1 << 27)

SMALLEST_NORMAL = 2.0**-1022
TWO_52 = 2.0**52
TWO_54 = 2.0**54
BITS_OF_TWO_52 = 0x433 << 52

LOG2_E = 1.4426950408889634
# ln 2 in two parts; the first ends in 21 zero bits, so its product with an exponent is exact.
LN2_HI = 6.93147180369123816490e-01
LN2_LO = 1.90821492927058770002e-10
TWO_OVER_PI = 0.6366197723675814
# π/2 in four parts: the first three have 31 bits, so that their products with a number below 2²² are exact.
PI_HALF_1 = 1.5707963267341256
PI_HALF_2 = 6.07710050359346e-11
PI_HALF_3 = 2.9127320548227e-20
PI_HALF_4 = 1.2706558760139879e-29
# π/180 in two parts, the first of 26 bits, and whole.
RADIAN_HI = 0.01745329238474369
RADIAN_LO = 1.3519960527851425e-10
RADIAN = 0.017453292519943295
# Angles beyond this, in radians or in degrees, are refused: a double near it still tells them to 1e-9.
FARTHEST_ANGLE = 1e6
TWO_THIRDS = 0.6666666666666666
TWO_THIRDS_HI = 0.6666666567325592
TWO_THIRDS_LO = 9.934107462565104e-09

# Added to a number below 2⁵¹ it rounds it to an integer k and leaves k + 2046 in the low bits: 2046 is two
# exponent biases, since 2ᵏ is applied as two powers to reach the subnormals with a single rounding.
ROUNDER = 1.5 * TWO_52 + 2046.0

# Exponents whose power takes a few products or a root: the engine writes them into a kernel's text.
EASY_EXPONENTS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)

SQRT_HALF_BITS = 0x3FE6A09E << 32
# Carries a significand above √2 into the exponent, so that what remains lies in [√½, √2).
CENTRE = (0x3FF00000 - 0x3FE6A09E) << 32


def bits(x):
    """The IEEE bit pattern of ``x`` as a signed 64-bit integer."""
    return struct.unpack("<q", struct.pack("<d", x))[0]


def unbits(i):
    """The double whose IEEE bit pattern is the signed 64-bit integer ``i``."""
    return struct.unpack("<d", struct.pack("<q", i))[0]


def held(x):
    """``x`` itself; marks what a formula holds constant when its slope is taken."""
    return x


def select(condition, a, b):
    """``a`` where the condition holds, else ``b``; both have been evaluated."""
    return a if condition else b


def larger(a, b):
    """The larger of two numbers, exactly; NaN if either is NaN."""
    # In this order it is one instruction and the care for NaN.
    return select(a != a, a, select(a > b, a, b))


def smaller(a, b):
    """The smaller of two numbers, exactly; NaN if either is NaN."""
    return select(a != a, a, select(a < b, a, b))


def maximum(a, b):
    """The larger of two numbers, exactly; of NaN it says nothing. One instruction, for what looks for NaN elsewhere."""
    return select(a > b, a, b)


def minimum(a, b):
    """The smaller of two numbers, exactly; of NaN it says nothing."""
    return select(a < b, a, b)


def clamp(x, lo, hi):
    """``x`` moved into [lo, hi], exactly; a NaN ``x`` stays NaN, the limits must not be NaN."""
    raised = select(x < lo, lo, x)
    return select(raised > hi, hi, raised)


def magnitude(x):
    """|x|, exactly; +0 for −0."""
    return abs(x)


def step(x):
    """1 where x > 0, ½ where x = 0, 0 where x < 0: the slope of max(x, 0); NaN for NaN."""
    return select(x > 0.0, 1.0, select(x == 0.0, 0.5, select(x < 0.0, 0.0, x)))


def slope_of_abs(x):
    """1 where x > 0, 0 where x = 0, −1 where x < 0: the slope of |x|; NaN for NaN."""
    return select(x > 0.0, 1.0, select(x == 0.0, 0.0, select(x < 0.0, -1.0, x)))


def ratio(a, b):
    """The quotient a / b, rounded once, and 0 where b = 0 whatever ``a`` is."""
    return select(b == 0.0, 0.0, a / select(b == 0.0, 1.0, b))


def times(a, b):
    """The product a · b, rounded once, and 0 where a = 0 whatever ``b`` is, so that 0 · ln 0 = 0."""
    return select(a == 0.0, 0.0, a * b)


def over(x, c):
    """The quotient x / c within 1.5 ulp, of a normal c > 0 that is the same for many x: 1 / c is taken once."""
    return x * (1.0 / maximum(c, SMALLEST_NORMAL))


def sqrt(x):
    """√x rounded once (½ ulp); NaN for x < 0, −0 for −0, ∞ for ∞."""
    return select(x < 0.0, NAN, math.sqrt(select(x < 0.0, 0.0, x)))


def scale_of(x):
    """A power of two s with 1 ≤ |x|·s < 2, exactly; multiplying by it costs no accuracy.

    s itself is kept a finite normal number, so it is 2¹⁰²² for every subnormal x and 2⁻¹⁰²² for |x| ≥ 2¹⁰²³
    (where |x|·s is in [2, 4), or ∞ for ∞).  1 for 0, NaN for NaN.
    """
    near = clamp(abs(x), SMALLEST_NORMAL, 2.0**1022)
    s = unbits((2046 << 52) - (bits(near) & EXPONENT))
    return select(x == 0.0, 1.0, select(x != x, x, s))


def _upper(x):
    # The leading 26 bits of x.
    return unbits(bits(x) & UPPER)


def _with_sign_of(x, size):
    # The bit itself, since no comparison tells −0 from 0.
    return unbits((bits(size) & ~SIGN) | (bits(x) & SIGN))


def _scaled(y, biased):
    # y · 2ᵏ for biased = k + 2046; the last mask only keeps the payload of a NaN from leaving 64 bits.
    half = biased >> 1
    return y * unbits(half << 52) * unbits(((biased - half) & 2047) << 52)


def _exp_parts(anchor, hi, lo):
    # anchor + (e^(hi + lo) − 1) as an unevaluated sum, for |hi + lo| ≤ ln2/2 and an anchor that is 0 or at
    # least as large as hi.  Adding hi to the anchor is the only rounding that matters, and it is recovered.
    r = hi + lo
    square = r * r
    even = 2.755726425535131e-07 + square * 2.091815991112371e-09
    even = 2.480158733400709e-05 + square * even
    even = 0.0013888888888880925 + square * even
    even = 0.04166666666666667 + square * even
    odd = 2.7557268377519056e-06 + square * 2.510042463889974e-08
    odd = 0.00019841269863106857 + square * odd
    odd = 0.008333333333330051 + square * odd
    odd = 0.16666666666666669 + square * odd
    total = anchor + hi
    return total, (hi - (total - anchor)) + (lo + square * (0.5 + (r * odd + square * even)))


def _exp_reduced(x):
    # eˣ as (total + rest)·2ᵏ, with k as _scaled takes it.
    near = clamp(x, -746.0, 710.0)
    shifted = near * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    total, rest = _exp_parts(1.0, near - k * LN2_HI, -(k * LN2_LO))
    return total, rest, bits(shifted) & 4095


def exp(x):
    """eˣ within 1 ulp, subnormal results included; 0 for −∞ and on underflow, ∞ on overflow.

    Cody and Waite's reduction to |r| ≤ ln2/2, then a polynomial.
    """
    total, rest, biased = _exp_reduced(x)
    return _scaled(total + rest, biased)


def expm1(x):
    """eˣ − 1 within 1.5 ulp; −1 for −∞, ∞ on overflow, −0 for −0.

    With x = k·ln2 + r it is 2ᵏ·((1 − 2⁻ᵏ) + (eʳ − 1)), where nothing cancels that is not exact.
    """
    near = clamp(x, -40.0, 710.0)
    shifted = near * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    biased = bits(shifted) & 4095
    # 2⁻ᵏ, left out where it no longer counts and would soon be no normal number.
    inverse = select(k > 60.0, 0.0, unbits(((3069 - biased) & 2047) << 52))
    anchor = 1.0 - inverse
    total, rest = _exp_parts(anchor, near - k * LN2_HI, -(k * LN2_LO))
    # What the anchor rounded away, near |k| = 54.
    rest = rest + select(k < 0.0, 1.0 - (anchor + inverse), (1.0 - anchor) - inverse)
    return select(x == 0.0, x, _scaled(total + rest, biased))


def decay(x):
    """1 − e⁻ˣ within 1.5 ulp for x ≥ 0 alone, in less work than expm1."""
    near = select(x > 40.0, 40.0, x)
    shifted = near * -LOG2_E + ROUNDER
    k = shifted - ROUNDER
    biased = bits(shifted) & 4095
    # 2ᵏ·((1 − 2⁻ᵏ) + (eʳ − 1)), as in expm1, with the sign changed.
    anchor = 1.0 - unbits(((3069 - biased) & 2047) << 52)
    total, rest = _exp_parts(anchor, -near - k * LN2_HI, -(k * LN2_LO))
    return (0.0 - (total + rest)) * unbits(((biased - 1023) & 2047) << 52)


def _log1p_reduced(f, s, half_square):
    # log(1 + f) − (f − f²/2), for √½ ≤ 1 + f < √2 and s = f / (2 + f).
    z = s * s
    w = z * z
    even = 0.22222198432149784 + w * 0.15313837699209373
    even = 0.3999999999940942 + w * even
    odd = 0.1818357216161805 + w * 0.14798198605116586
    odd = 0.2857142874366239 + w * odd
    odd = 0.6666666666666735 + w * odd
    return s * (half_square + (w * even + z * odd))


def _exponent_and_fraction(x):
    # k and f of x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, for positive finite x; something finite for any other.
    small = x < SMALLEST_NORMAL
    normal = select(small, x * TWO_54, select(x < INF, x, 1.0))
    carried = (bits(normal) & ~SIGN) + CENTRE
    bias = select(small, TWO_52 + 1077.0, TWO_52 + 1023.0)
    k = unbits(((carried & EXPONENT) >> 52) + BITS_OF_TWO_52) - bias
    return k, unbits((carried & FRACTION) + SQRT_HALF_BITS) - 1.0


def exponent(x):
    """The k, as a double, where x = 2ᵏ·(1 + f) and √½ ≤ 1 + f < √2, of a positive normal x; else something finite."""
    raised = (((_lowered(x) & EXPONENT) >> 52) + 1023) & 2047
    return unbits(raised + BITS_OF_TWO_52) - (TWO_52 + 1023.0)


def fraction(x):
    """1 + f for the same f, exactly."""
    return unbits((_lowered(x) & FRACTION) + SQRT_HALF_BITS)


def _lowered(x):
    return (bits(x) & ~SIGN) - SQRT_HALF_BITS


def log(x):
    """Natural logarithm within 1 ulp; −∞ for ±0, NaN for x < 0, ∞ for ∞.

    FreeBSD's reduction to 1 + f in [√½, √2) and its series in f / (2 + f).
    """
    k, f = _exponent_and_fraction(x)
    half_square = 0.5 * f * f
    series = _log1p_reduced(f, f / (2.0 + f), half_square)
    result = k * LN2_HI - ((half_square - (series + k * LN2_LO)) - f)
    return select(x > 0.0, select(x < INF, result, x), select(x == 0.0, -INF, NAN))


def log1p(x):
    """log(1 + x) within 1 ulp; −∞ for −1, NaN for x < −1, ∞ for ∞, −0 for −0.

    As log of u = 1 + x = 2ᵏ·(1 + f), with what u rounded away put back into f: there is room below its last digit.
    """
    near = select(x > -1.0, x, 0.0)
    u = 1.0 + near
    lost = select(near > 1.0, 1.0 - (u - near), near - (u - 1.0))
    carried = (bits(u) & ~SIGN) + CENTRE
    k = unbits(((carried & EXPONENT) >> 52) + BITS_OF_TWO_52) - (TWO_52 + 1023.0)
    rough = unbits((carried & FRACTION) + SQRT_HALF_BITS) - 1.0
    # Times 2⁻ᵏ; beyond 2⁶⁰ nothing is lost.
    less = lost * select(k > 60.0, 0.0, unbits(((2046 << 52) - (carried & EXPONENT)) & ~SIGN))
    f = rough + less
    rest = less - (f - rough)
    half_square = 0.5 * f * f
    series = _log1p_reduced(f, f / (2.0 + f), half_square)
    result = k * LN2_HI - ((half_square - (series + (k * LN2_LO + rest))) - f)
    result = select(x == 0.0, x, result)
    return select(x > -1.0, select(x < INF, result, x), select(x == -1.0, -INF, NAN))


def log1p_part(x):
    """log(1 + x) within 1 ulp for 0 ≤ x ≤ 1 alone, in about half the work: of what is added to the largest of a sum."""
    near = select(x < 0.0, 0.0, x)
    above = near > 0.41421356237309503
    less = near - 1.0
    f = select(above, 0.5 * less, near)
    # What x − 1 rounded away where x < ½, over the 1 + f that is about 0.73 there.
    lost = select(above, 0.68 * (near - (less + 1.0)), 0.0)
    half_square = 0.5 * f * f
    series = _log1p_reduced(f, f / (2.0 + f), half_square)
    return select(above, LN2_HI, 0.0) - ((half_square - (series + (select(above, LN2_LO, 0.0) + lost))) - f)


def artanh_rest(s):
    """artanh(s) / s − 1, about s² / 3, within 2 ulp for |s| ≤ 3 − 2√2 alone: where (1 + s) / (1 − s) is in [√½, √2]."""
    z = s * s
    w = z * z
    even = 0.0909089779873853 + w * 0.06634359239903222
    even = 0.14285714285400772 + w * even
    odd = 0.0769312093588791 + w * 0.06543583510517335
    odd = 0.11111111196072145 + w * odd
    odd = 0.2000000000000044 + w * odd
    return 0.3333333333333333 * z + w * (odd + z * even)


def tanh(x):
    """Hyperbolic tangent within 1.3 ulp; ±1 for ±∞, −0 for −0.

    −t / (2 + t) with t = expm1(−2|x|) kept as an unevaluated sum, so that only the quotient rounds.
    """
    near = smaller(abs(x), 30.0) * -2.0
    shifted = near * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    biased = bits(shifted) & 4095
    inverse = unbits(((3069 - biased) & 2047) << 52)
    anchor = 1.0 - inverse
    total, rest = _exp_parts(anchor, near - k * LN2_HI, -(k * LN2_LO))
    rest = rest + (1.0 - (anchor + inverse))
    power_of_two = unbits(((biased - 1023) & 2047) << 52)
    t = (total + rest) * power_of_two
    t_rest = (rest - ((total + rest) - total)) * power_of_two
    below = 2.0 + t
    quotient = -t / below
    # The parts that t and 2 + t rounded away, over 2 + t, which is 2 / (1 + tanh |x|).
    lost = t_rest + quotient * ((t - (below - 2.0)) + t_rest)
    return _with_sign_of(x, quotient - lost * (0.5 + 0.5 * quotient))


def atan(x):
    """Arc tangent within 1 ulp; ±π/2 for ±∞, −0 for −0.

    FreeBSD's reduction to |t| ≤ 7/16 by the nearest of atan 0, ½, 1, 3/2 and ∞, and its series.
    """
    a = abs(x)
    first, second, third, last = a >= 0.4375, a >= 0.6875, a >= 1.1875, a >= 2.4375
    c = select(third, 1.5, select(second, 1.0, select(first, 0.5, 0.0)))
    hi = select(
        last,
        1.57079632679489655800e00,
        select(
            third,
            9.82793723247329054082e-01,
            select(second, 7.85398163397448278999e-01, select(first, 4.63647609000806093515e-01, 0.0)),
        ),
    )
    lo = select(
        last,
        6.12323399573676603587e-17,
        select(
            third,
            1.39033110312309984516e-17,
            select(second, 3.06161699786838301793e-17, select(first, 2.26987774529616870924e-17, 0.0)),
        ),
    )
    t = select(last, -1.0, a - c) / select(last, a, 1.0 + a * c)
    z = t * t
    w = z * z
    even = 4.97687799461593236017e-02 + w * 1.62858201153657823623e-02
    even = 6.66107313738753120669e-02 + w * even
    even = 9.09088713343650656196e-02 + w * even
    even = 1.42857142725034663711e-01 + w * even
    even = 3.33333333333329318027e-01 + w * even
    odd = -5.83357013379057348645e-02 - w * 3.65315727442169155270e-02
    odd = -7.69187620504482999495e-02 + w * odd
    odd = -1.11111104054623557880e-01 + w * odd
    odd = -1.99999999998764832476e-01 + w * odd
    return _with_sign_of(x, hi - ((t * (z * even + w * odd) - lo) - t))


def sigmoid(z):
    """1 / (1 + e⁻ᶻ) within 1.5 ulp, to the smallest subnormal for very negative z; 0 for −∞, 1 for ∞.

    e^−|z| cannot overflow; what it and 1 + e^−|z| rounded away is put back, so that only the quotient rounds.
    """
    total, rest, biased = _exp_reduced(-abs(z))
    rounded = total + rest
    e = _scaled(rounded, biased)
    e_rest = _scaled(rest - (rounded - total), biased)
    below = 1.0 + e
    below_rest = (e - (below - 1.0)) + e_rest
    negative = z < 0.0
    quotient = select(negative, e, 1.0) / below
    reciprocal = select(negative, 1.0 - quotient, quotient)
    return quotient + (select(negative, e_rest, 0.0) - quotient * below_rest) * reciprocal


def softplus(z):
    """log(1 + eᶻ) within 2 ulp, to the smallest subnormal for very negative z; 0 for −∞, ∞ for ∞."""
    return larger(z, 0.0) + log1p_part(exp(-abs(z)))


def _log_parts(x):
    # log x as hi + lo, hi of 26 bits, to a relative 2⁻⁶³ or so, for positive finite x: 2·atanh(s) in double-
    # double arithmetic, where s = f / (2 + f) = s_hi + s_lo and 2·atanh(s) = 2/3·s·(3 + s² + …).
    k, f = _exponent_and_fraction(x)
    below = 2.0 + f
    reciprocal = 1.0 / below
    below_hi = _upper(below)
    s_hi = _upper(f * reciprocal)
    s_lo = reciprocal * ((f - s_hi * below_hi) - s_hi * (f - (below_hi - 2.0)))
    s = s_hi + s_lo
    square_hi = s_hi * s_hi
    square_lo = s_lo * (s_hi + s)
    z = square_hi + square_lo
    series = 0.17559187466397322 + z * 0.17586389431989158
    series = 0.20002213800935306 + z * series
    series = 0.2307689230812444 + z * series
    series = 0.27272727504486444 + z * series
    series = 0.3333333333247698 + z * series
    series = 0.4285714285714406 + z * series
    series = 0.6 + z * series
    small = square_lo + z * z * series
    sum_hi = _upper(3.0 + square_hi + small)
    sum_lo = small - ((sum_hi - 3.0) - square_hi)
    exact = s_hi * sum_hi
    rest = s_lo * sum_hi + sum_lo * s
    product_hi = _upper(exact + rest)
    product_lo = rest - (product_hi - exact)
    log_hi = product_hi * TWO_THIRDS_HI
    log_lo = product_hi * TWO_THIRDS_LO + product_lo * TWO_THIRDS
    whole = k * LN2_HI
    hi = _upper(whole + log_hi)
    return hi, (log_hi - (hi - whole)) + (k * LN2_LO + log_lo)


def power(x, y):
    """The power xʸ for x ≥ 0, within 1 ulp; NaN for x < 0.

    0⁰ = 1, 0ʸ = 0 for y > 0 and ∞ for y < 0 (−0 counts as 0), ∞⁰ = 1, ∞ʸ = ∞ for y > 0 and 0 for y < 0,
    1ʸ = 1 even for y = ±∞.  NaN in either argument gives NaN, unlike C's pow.

    e^(y·log x) with log x and the product in double-double arithmetic (as in FreeBSD's e_pow); of the easy exponents
    products and a root, which is all that a compiler leaves of this function where it knows such an exponent.
    """
    log_hi, log_lo = _log_parts(x)
    # Any larger |y| overflows or underflows for every x but 1; an infinite one would give 0 · ∞ there.
    much = clamp(y, -(2.0**66), 2.0**66)
    much_hi = _upper(much)
    exact = much_hi * log_hi
    near = clamp(exact, -760.0, 720.0)
    rest = select(near == exact, (much - much_hi) * log_hi + much * log_lo, 0.0)
    shifted = (near + rest) * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    total, tail = _exp_parts(1.0, near - k * LN2_HI, rest - k * LN2_LO)
    result = _easy_power(x, y, _scaled(total + tail, bits(shifted) & 4095))
    at_end = select(y == 0.0, 1.0, select((y > 0.0) == (x > 1.0), INF, 0.0))
    result = select(x == 0.0, at_end, select(x == INF, at_end, result))
    result = select(x >= 0.0, result, NAN)
    return select(y == y, result, y)


def _easy_power(x, y, other):
    # x to one of the easy exponents (x itself to 0), else `other`. The square of x is h + low, exactly.
    near = select(x > 2.0**257, 2.0**257, select(x > 0.0, x, 0.0))
    above = _upper(near)
    below = near - above
    h = near * near
    low = ((above * above - h) + 2.0 * above * below) + below * below
    cubed = select(x > 2.0**257, x * x * x, h * near + low * near)
    easy = select(y == 4.0, h * h + 2.0 * h * low, select(y == 3.0, cubed, select(y == 2.0, x * x, x)))
    easy = select(y == 0.5, math.sqrt(select(x > 0.0, x, 0.0)), easy)
    return select((y == 0.5) | (y == 1.0) | (y == 2.0) | (y == 3.0) | (y == 4.0), easy, other)


def _sum(a, b):
    # a + b rounded, and what was lost (Knuth).
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _quarter_turns(a, b, per_quarter):
    # a − b rounded, what that lost, and the nearest whole number of quarter turns, as a double and in the low bits.
    angle, lost = _sum(a, -b)
    shifted = clamp(angle, -4e6, 4e6) * per_quarter + 1.5 * TWO_52
    return angle, lost, shifted - 1.5 * TWO_52, bits(shifted) & 3


def _reduced(a, b):
    # a − b less whole quarter turns, as a sum of two, and which of the four quadrants it is in. In 146 bits of π/2
    # (Cody and Waite): enough for any double in reach, however near to a multiple of π/2.
    angle, lost, turns, quadrant = _quarter_turns(a, b, TWO_OVER_PI)
    first, rest_1 = _sum(angle - turns * PI_HALF_1, -(turns * PI_HALF_2))
    second, rest_2 = _sum(first, -(turns * PI_HALF_3))
    third, rest_3 = _sum(second, lost)
    rest = (rest_1 + rest_2) + (rest_3 - turns * PI_HALF_4)
    total = third + rest
    return total, rest - (total - third), quadrant


def _reduced_degrees(a, b):
    # The same of degrees, in radians: the quarter turns are exact.
    angle, lost, turns, quadrant = _quarter_turns(a, b, 1.0 / 90.0)
    degrees, rest = _sum(angle - 90.0 * turns, lost)
    leading = _upper(degrees)
    exact = leading * RADIAN_HI
    rest = leading * RADIAN_LO + ((degrees - leading) * RADIAN + rest * RADIAN)
    total = exact + rest
    return total, rest - (total - exact), quadrant


def _sine_series(x, rest):
    # sin(x + rest) for |x| ≤ π/4.
    z = x * x
    w = z * z
    cube = z * x
    series = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * 2.75573137070700676789e-06)
    series = series + z * w * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)
    return x - ((z * (0.5 * rest - cube * series) - rest) - cube * -1.66666666666666324348e-01)


def _cosine_series(x, rest):
    # cos(x + rest) for |x| ≤ π/4.
    z = x * x
    w = z * z
    series = 4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * 2.48015872894767294178e-05)
    high = -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)
    series = z * series + w * w * high
    half = 0.5 * z
    near = 1.0 - half
    return near + (((1.0 - near) - half) + (z * series - x * rest))


def _at_quadrant(x, rest, quadrant, a, b):
    # The sine, a quarter turn on for each quadrant; nothing beyond the reach of the reduction.
    across, along = _sine_series(x, rest), _cosine_series(x, rest)
    size = select((quadrant & 1) == 1, along, across)
    turned = select((quadrant & 2) == 2, -size, size)
    return select(abs(a - b) <= 2.0 * FARTHEST_ANGLE, turned, NAN)


def sine(a, b):
    """sin(a − b) within 1 ulp, of the difference itself and not of what it is rounded to; NaN for |a − b| > 2·10⁶.

    Cody and Waite's reduction to |x| ≤ π/4, and FreeBSD's series.
    """
    x, rest, quadrant = _reduced(a, b)
    return _at_quadrant(x, rest, quadrant, a, b)


def cosine(a, b):
    """cos(a − b) within 1 ulp, as `sine`."""
    x, rest, quadrant = _reduced(a, b)
    return _at_quadrant(x, rest, quadrant + 1, a, b)


def sine_degrees(a, b):
    """The sine of a − b degrees within 1 ulp, as `sine`; exactly 0, 1 or −1 at multiples of 90."""
    x, rest, quadrant = _reduced_degrees(a, b)
    return _at_quadrant(x, rest, quadrant, a, b)


def cosine_degrees(a, b):
    """The cosine of a − b degrees within 1 ulp, as `sine_degrees`."""
    x, rest, quadrant = _reduced_degrees(a, b)
    return _at_quadrant(x, rest, quadrant + 1, a, b)
