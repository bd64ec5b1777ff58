import { type Frame, splitHead, type Thrown } from './frame.ts'

const LIBRARY =
  /^(?:javax?|jdk|jakarta|sun|com\.sun|oracle|kotlinx?|scala|groovy|clojure|android|androidx|dalvik|com\.android|io\.netty|io\.grpc|io\.vertx|io\.micronaut|io\.quarkus|io\.opentelemetry|io\.undertow|reactor|rx|okhttp3|retrofit2|akka|play|zio|cats|ch\.qos|net\.bytebuddy|com\.zaxxer|com\.fasterxml|com\.google\.(?:common|inject|protobuf)|com\.mysql|org\.(?:springframework|hibernate|apache|eclipse|junit|postgresql|jboss|slf4j|mockito|jetbrains|aspectj|gradle|mariadb|jooq|mybatis|reactivestreams|thymeleaf|codehaus|glassfish|h2))\./
/** What stands in the brackets of a Java, Kotlin or Scala frame. */
const PLACE =
  /^(?:[^()\s]+\.(?:java|kt|kts|scala|groovy|clj)(?::\d+)?|Native Method|Unknown Source(?::\d+)?|<generated>|[\w$]+:\d+|Redefined)$/

/** `Throwable.printStackTrace`: causes come last, each after `Caused by: `; suppressed ones are passed over. */
export function parseJava(lines: readonly string[]): readonly Thrown[] {
  const chain: { type: string; message: string; frames: Frame[] }[] = []
  let suppressed = false
  for (const line of lines) {
    const text = line.trim()
    if (text.startsWith('Suppressed: ')) suppressed = true
    else if (text.startsWith('Caused by: ') || chain.length === 0) {
      const head = text.replace(/^Caused by: /, '').replace(/^Exception in thread "[^"]*" /, '')
      chain.push({ ...splitHead(head), frames: [] })
      suppressed = false
    }
    const frame = suppressed ? undefined : frameOf(text)
    if (frame !== undefined) chain.at(-1)?.frames.push(frame)
  }
  return chain.some(({ frames }) => frames.length > 0) ? chain : []
}

function frameOf(text: string): Frame | undefined {
  const open = text.indexOf('(')
  if (!text.startsWith('at ') || open < 0) return undefined
  const close = text.indexOf(')', open)
  if (close < 0 || !PLACE.test(text.slice(open + 1, close))) return undefined
  // A class loader's or module's name stands before the class: `app//`, `java.base@21/`.
  const called = text.slice(3, open)
  const name = called
    .slice(called.lastIndexOf('/') + 1)
    .replace(/\$\$(?:Lambda|EnhancerBy|FastClassBy|Spring|Fast)[\w$]*/g, '')
    .replace(/lambda\$([\w-]+)\$\d+/, '$1')
    .replace(/\$Proxy\d+/, '$Proxy')
    .replace(/\$\d+/g, '')
  return { name, file: '', inApp: !LIBRARY.test(name), minified: isObfuscated(name) }
}

/** `a.b.c.d`: every word that ProGuard or R8 could rename is of one or two letters. */
function isObfuscated(name: string): boolean {
  return /^(?:[a-z]{1,3}\.)*[a-zA-Z]{1,2}\.[a-z]{1,2}$/.test(name)
}
