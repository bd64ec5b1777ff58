/** 13 to 19 digits in one run, or in the groups that are printed on cards. */
const NUMBER =
  /(?<![\w.+-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-]|\.\d)/g

/** Replaces payment card numbers: an issuer's prefix, a length that it uses, and Luhn's check digit (ISO/IEC 7812-1). */
export function replaceCards(text: string, replace: (found: string) => string): string {
  return text.replace(NUMBER, (found) => {
    const digits = found.replaceAll(/\D/g, '')
    return isIssued(digits) && luhn(digits) ? replace(found) : found
  })
}

/** Prefixes of Visa, Mastercard, American Express, Discover, Diners Club, JCB, UnionPay and Maestro, with their lengths. */
function isIssued(digits: string): boolean {
  const size = digits.length
  const two = Number(digits.slice(0, 2))
  const four = Number(digits.slice(0, 4))
  if (digits[0] === '4') return size === 13 || size === 16 || size === 19
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return size === 16
  if (two === 34 || two === 37) return size === 15
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059) || four === 3095)
    return size >= 14
  if (four >= 3528 && four <= 3589) return size >= 16
  if (two >= 60 && two <= 65) return size >= 16
  return two === 50 || (two >= 56 && two <= 69)
}

/** True if the last digit is the check digit of the others. */
export function luhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    sum += i % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit
  }
  return sum % 10 === 0
}
