/** What of a measure of a service was not told apart, or not kept, in some minutes: a row of table `dimension_rest`. Of instances the measure is `instance`. */
export interface Rest {
  readonly measure: string
  readonly service: string
  /** Of instances: whose. */
  readonly environment?: string
  readonly version?: string
  /** Seconds since the epoch: when it was looked at; of the past, the start of its day. */
  readonly at: number
  readonly minutes: number
  /** Values (streams, instances) that are kept, and that are not. */
  readonly kept: number
  readonly values: number
  /** Records of those that are not, and of all. */
  readonly records: number
  readonly of: number
  /** True: streams that are not kept; false: values or instances that are put together. */
  readonly streams: boolean
  /** True: values that deserve a name found no room. */
  readonly full: boolean
}
