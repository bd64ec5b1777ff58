/** Events and exposures of two arms by strata: stretches of time, of which each holds both. */
export interface Strata {
  readonly after: Float64Array
  readonly before: Float64Array
  readonly exposureAfter: Float64Array
  readonly exposureBefore: Float64Array
}

/** What is expected of the events, given each stratum's, if they are independent. */
interface ExpectedSplit {
  /** Share of all events in either arm. */
  readonly after: number
  readonly before: number
  /** Variance of the events after; by how much they are more for more of the log ratio, too. */
  readonly information: number
}

export interface StratifiedRatio {
  /** Events of all strata. */
  readonly after: number
  readonly before: number
  /** Maximum-likelihood estimate of the log rate ratio, given each stratum's events. Both arms need some. */
  readonly estimate: number
  /** @param at the log rate ratio */
  readonly expected: (at: number) => ExpectedSplit
  /**
   * Events after less the expected ones of each stratum, as if it had been left out of the estimate: by its share of the information, a stratum draws the estimate to itself and looks better
   * explained than it is.
   */
  readonly residuals: Float64Array
}

/**
 * One ratio of two rates over strata whose own rates may be anything: given a stratum's events those of the arm after are binomial, with the share that it has of the
 * exposure, weighted by the ratio. What moves both arms alike is in nothing that follows from that, however their shares of the exposure move meanwhile. Where the share is the same in all strata the estimate is that of the sums.
 * Source: Breslow and Day (1987), *Statistical Methods in Cancer Research* II, section 3.6 (conditional likelihood of a rate ratio by strata); residuals: MacKinnon and White (1985),
 * *Journal of Econometrics* 29 (jackknife).
 */
export function stratifiedRatio(strata: Strata): StratifiedRatio {
  const n = strata.after.length
  const totals = new Float64Array(n)
  let after = 0
  let before = 0
  for (let i = 0; i < n; i++) {
    const [a, b] = [strata.after[i] as number, strata.before[i] as number]
    totals[i] = a + b
    after += a
    before += b
  }
  const all = after + before
  const expected = (at: number): ExpectedSplit => {
    const ratio = Math.exp(at)
    let mine = 0
    let rest = 0
    let information = 0
    for (let i = 0; i < n; i++) {
      const total = totals[i] as number
      if (total === 0) continue
      const weighted = ratio * (strata.exposureAfter[i] as number)
      const other = strata.exposureBefore[i] as number
      const share = weighted / (weighted + other)
      const left = other / (weighted + other)
      mine += total * share
      rest += total * left
      information += total * share * left
    }
    return { after: mine / all, before: rest / all, information }
  }
  let low = -LARGEST
  let high = LARGEST
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (expected(middle).after < after / all) low = middle
    else high = middle
  }
  const estimate = (low + high) / 2
  const ratio = Math.exp(estimate)
  const { information } = expected(estimate)
  const residuals = totals.map((total, i) => {
    if (total === 0) return 0
    const weighted = ratio * (strata.exposureAfter[i] as number)
    const share = weighted / (weighted + (strata.exposureBefore[i] as number))
    const own = (total * share * (1 - share)) / information
    return ((strata.after[i] as number) - total * share) / Math.max(LEAST_LEFT, 1 - own)
  })
  return { after, before, estimate, expected, residuals }
}

/** A stratum with nearly all information is held to be this much of the others' word. */
const LEAST_LEFT = 0.1
/** Log ratios that are looked for. */
const LARGEST = 40
const HALVINGS = 50
