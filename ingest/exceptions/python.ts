import { type Frame, pathTail, splitHead, type Thrown } from './frame.ts'

const LIBRARY = /[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<frozen |^<string>$|^<attrs /

/**
 * `traceback.format_exception`: the oldest exception first, the most recent call last. An exception that was raised `from` another has it as
 * its cause; one that came up while another was handled stands for itself.
 */
export function parsePython(lines: readonly string[]): readonly Thrown[] {
  const blocks: { direct: boolean; thrown: { type: string; message: string; frames: Frame[] } }[] = []
  let direct = false
  let ended = true
  for (const line of lines) {
    // Members of an exception group are drawn with `|` and `+`.
    const text = line.replace(/^[\s|+-]+/, '').trim()
    if (
      text.startsWith('Traceback (most recent call last)') ||
      text.startsWith('Exception Group Traceback')
    ) {
      if (line.includes('|') && blocks.length > 0) break
      blocks.push({ direct, thrown: { type: '', message: '', frames: [] } })
      direct = ended = false
    } else if (text.startsWith('The above exception was the direct cause')) direct = true
    else if (!ended) {
      const thrown = blocks.at(-1)?.thrown
      const frame = frameOf(text)
      if (frame !== undefined) thrown?.frames.unshift(frame)
      // Source lines are indented, the last line of a traceback is not.
      else if (text !== '' && /^(?:[| ]{2})?\S/.test(line)) {
        Object.assign(thrown ?? {}, splitHead(text))
        ended = true
      }
    }
  }
  const chain: Thrown[] = []
  for (let i = blocks.length - 1; i >= 0; i--) {
    const block = blocks[i]
    if (block === undefined) break
    chain.push(block.thrown)
    if (!block.direct) break
  }
  return chain.some(({ frames }) => frames.length > 0) ? chain : []
}

function frameOf(text: string): Frame | undefined {
  if (!text.startsWith('File "')) return undefined
  const end = text.indexOf('", line ', 6)
  if (end < 0) return undefined
  const file = text.slice(6, end)
  const called = text.indexOf(', in ', end)
  return {
    name: called < 0 ? '<module>' : text.slice(called + 5),
    file: pathTail(file),
    inApp: !LIBRARY.test(file),
    minified: false,
  }
}
