/** Commands whose second word says what they do. */
const CONTAINERS = new Set(
  'ACL CLIENT CLUSTER COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SLOWLOG XGROUP XINFO'.split(
    ' ',
  ),
)

/** Redis and its like: a command a line, its name and `?` for what it is given; equal neighbours once. */
export function normalizeCommands(text: string): string {
  const commands = text.split(/[\r\n;]+/).flatMap((line) => {
    const [name, second, ...rest] = line.trim().split(/\s+/, 3)
    if (name === undefined || name === '') return []
    const command = name.toUpperCase()
    // A command is a word: anything else is data that a line break brought here.
    if (!/^[A-Z][A-Z0-9._]{0,40}$/.test(command)) return ['?']
    if (second === undefined) return [command]
    if (!CONTAINERS.has(command) || !/^[A-Za-z-]{1,30}$/.test(second)) return [`${command} ?`]
    return [`${command} ${second.toUpperCase()}${rest.length > 0 ? ' ?' : ''}`]
  })
  return commands.filter((command, i) => command !== commands[i - 1]).join('; ')
}
