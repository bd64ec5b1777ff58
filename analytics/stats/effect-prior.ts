/**
 * Where the bets of the mixtures lie: logarithms of the factor by which a release changed a rate, beyond the edge of the null
 * hypothesis, with their weights: half-normal with standard deviation 0.5 (a factor of 1.65), which is what releases that
 * matter look like, and a tenth of the weight on a longer tail for those that break things.
 * Mixtures are e-processes whatever the weights; these only decide which effects are seen soonest.
 */
export const LOG_EFFECTS: Float64Array = Float64Array.of(
  0.05,
  0.1,
  0.16,
  0.23,
  0.32,
  0.44,
  0.6,
  0.8,
  1.1,
  1.6,
  2.4,
  3.6,
  5.2,
)

export const LOG_WEIGHTS: Float64Array = logWeights()

function logWeights(): Float64Array {
  const weights = LOG_EFFECTS.map((effect, i) => {
    const from = i === 0 ? 0 : ((LOG_EFFECTS[i - 1] as number) + effect) / 2
    const next = LOG_EFFECTS[i + 1]
    const to = next === undefined ? effect + 1 : (effect + next) / 2
    const bulk = 0.9 * (2 / 0.5) * 0.3989 * Math.exp(-0.5 * (effect / 0.5) ** 2)
    const tail = 0.1 * 0.5 * Math.exp(-0.5 * effect)
    return (to - from) * (bulk + tail)
  })
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => Math.log(weight / total))
}
