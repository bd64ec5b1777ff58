/** The same trouble is worth one warning, not one at each interval; '' says that there is none. */
export function oncePerReason(warn: (message: string) => void): (message: string) => void {
  let told = ''
  return (message) => {
    if (message !== '' && message !== told) warn(message)
    told = message
  }
}
