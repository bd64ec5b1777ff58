/** Names whose values are secrets, in lower case without `-`, `_` and blanks. */
const WHOLE = [
  'accesskey',
  'accesstoken',
  'apikey',
  'apisecret',
  'apitoken',
  'auth',
  'authorization',
  'authtoken',
  'bearertoken',
  'cardnumber',
  'ccnumber',
  'clientsecret',
  'cookie',
  'cookies',
  'creditcard',
  'csrftoken',
  'cvc',
  'cvv',
  'idtoken',
  'passphrase',
  'passwd',
  'password',
  'privatekey',
  'proxyauthorization',
  'pwd',
  'refreshtoken',
  'secret',
  'secretaccesskey',
  'secretkey',
  'sessiontoken',
  'setcookie',
  'token',
  'xamzsecuritytoken',
  'xapikey',
  'xauthtoken',
  'xcsrftoken',
  'xsrftoken',
] as const
/** What a name may end with to be one of them: `db_password`, `stripeSecretKey`. */
const TAIL =
  /(?:accesskey|accesstoken|apikey|apisecret|authtoken|bearertoken|clientsecret|passphrase|passwd|password|privatekey|refreshtoken|secret|secretkey|sessiontoken)$/

/** Tells names of secrets from others, for attribute keys and for `name=value` in texts. */
export class SecretKeys {
  private readonly names: ReadonlySet<string>

  /** @param more the user's own */
  constructor(more: readonly string[]) {
    this.names = new Set([...WHOLE, ...more.map((name) => plain(lastPart(name)))])
  }

  /** @param key such as `http.request.header.x-api-key`: the part after the last dot decides */
  has(key: string): boolean {
    const name = plain(lastPart(key))
    return this.names.has(name) || TAIL.test(name)
  }

  /** The last three letters of every name that there is: a cheap look at what stands before a `=`. */
  get endings(): readonly string[] {
    const tails = ['accesskey', 'passphrase', 'passwd', 'password', 'secret', 'token']
    return [...new Set([...this.names, ...tails].map((name) => name.slice(-3)))]
  }
}

function lastPart(key: string): string {
  // Headers are lists, and some senders number them: `http.request.header.cookie.0`.
  return key.replace(/\.\d+$/, '').replace(/^.*\./s, '')
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '')
}
