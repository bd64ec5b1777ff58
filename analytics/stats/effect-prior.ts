/**
 * Where the bets of the mixtures lie: logarithms of the factor by which a release changed a rate, beyond the edge of the null
 * hypothesis, with their weights: gamma of shape 3, most at a factor of 1.3 and 1.5 on average, which is what releases that
 * matter look like: a tenth more cannot be told from how levels drift, so little is bet on it. A twentieth of the weight is on a longer tail for those that break things.
 * Mixtures are e-processes whatever the weights; these only decide which effects are seen soonest.
 */
export const LOG_EFFECTS: Float64Array = Float64Array.of(
  0.1,
  0.15,
  0.2,
  0.26,
  0.33,
  0.42,
  0.53,
  0.68,
  0.9,
  1.3,
  1.9,
  2.8,
  4,
  5.5,
)

/** Effects below are none: the first bet speaks for what lies between here and the second. */
const LEAST = 0.04
const SCALE = 0.13
const TAIL = 0.05

export const LOG_WEIGHTS: Float64Array = logWeights()

function logWeights(): Float64Array {
  const weights = LOG_EFFECTS.map((effect, i) => {
    const from = i === 0 ? LEAST : ((LOG_EFFECTS[i - 1] as number) + effect) / 2
    const next = LOG_EFFECTS[i + 1]
    const to = next === undefined ? effect + 1 : (effect + next) / 2
    const bulk = ((effect / SCALE) ** 2 * Math.exp(-effect / SCALE)) / (2 * SCALE)
    const tail = 0.5 * Math.exp(-0.5 * effect)
    return (to - from) * ((1 - TAIL) * bulk + TAIL * tail)
  })
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => Math.log(weight / total))
}
