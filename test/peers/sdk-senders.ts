import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { madeOnce, pythonWith, step } from './made-once.ts'

/** A program to run, with its arguments. */
export type Command = readonly [program: string, ...args: string[]]

/**
 * The same sender in each language, made with that language's own tools and pinned versions, once for as long as its
 * files are the same.
 * @throws Error with the line that makes it by hand, if a tool is missing
 */
export const sdkSenders = {
  python: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'python')
    return [await pythonWith(folder), join(folder, 'sender.py')]
  },
  go: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'go')
    const made = await madeOnce(folder, ['main.go', 'go.mod', 'go.sum'], 'Go (https://go.dev/dl)', (to) =>
      step('go', ['build', '-C', folder, '-mod=readonly', '-buildvcs=false', '-o', join(to, 'sender'), '.']),
    )
    return [join(made, 'sender')]
  },
  java: async (): Promise<Command> => {
    const folder = join(import.meta.dirname, 'java')
    const tools = 'Java 17 and Maven (apt-get install openjdk-17-jdk-headless maven)'
    const made = await madeOnce(folder, ['pom.xml', 'Sender.java'], tools, async (to) => {
      const classPath = join(to, 'class-path')
      await step('mvn', [
        ...['-q', '-B', '-f', join(folder, 'pom.xml')],
        ...['dependency:build-classpath', `-Dmdep.outputFile=${classPath}`],
      ])
      const jars = (await readFile(classPath, 'utf8')).trim()
      await step('javac', ['-encoding', 'UTF-8', '-cp', jars, '-d', to, join(folder, 'Sender.java')])
    })
    const jars = (await readFile(join(made, 'class-path'), 'utf8')).trim()
    return ['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${made}:${jars}`, 'Sender']
  },
} as const
