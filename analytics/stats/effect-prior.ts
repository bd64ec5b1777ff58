/**
 * Where the bets of the mixtures lie: logarithms of the factor by which a release changed a rate, beyond the edge of the null
 * hypothesis, with their weights: half-normal with standard deviation 0.45 (a factor of 1.6), which is what releases that
 * matter look like, and a twentieth of the weight on a longer tail for those that break things.
 * Mixtures are e-processes whatever the weights; these only decide which effects are seen soonest.
 */
export const LOG_EFFECTS: Float64Array = Float64Array.of(
  0.08,
  0.14,
  0.21,
  0.3,
  0.41,
  0.55,
  0.72,
  0.95,
  1.3,
  1.9,
  2.8,
  4,
  5.5,
)

/** Effects below are none: the first bet speaks for what lies between here and the second. */
const LEAST = 0.04
const DEVIATION = 0.45
const TAIL = 0.05

export const LOG_WEIGHTS: Float64Array = logWeights()

function logWeights(): Float64Array {
  const weights = LOG_EFFECTS.map((effect, i) => {
    const from = i === 0 ? LEAST : ((LOG_EFFECTS[i - 1] as number) + effect) / 2
    const next = LOG_EFFECTS[i + 1]
    const to = next === undefined ? effect + 1 : (effect + next) / 2
    const bulk = (Math.sqrt(2 / Math.PI) / DEVIATION) * Math.exp(-0.5 * (effect / DEVIATION) ** 2)
    const tail = 0.5 * Math.exp(-0.5 * effect)
    return (to - from) * ((1 - TAIL) * bulk + TAIL * tail)
  })
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => Math.log(weight / total))
}
