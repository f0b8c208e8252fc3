/** The commands that a process of the benchmark carries out for its parent. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CpuProfile, startProfile, stopProfile } from '../profile/profiler.ts'
import { datagrams, loseDatagrams } from './datagrams.ts'

// biome-ignore lint/suspicious/noExplicitAny: the parameters differ between commands, and `Agent.call` checks them.
export type Commands = Readonly<Record<string, (...given: any[]) => unknown>>

export interface Call {
  readonly id: number
  readonly name: string
  readonly given: readonly unknown[]
}

/** `id` 0 says that the process serves. */
export interface Answer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

/** What a process used since its start. */
export interface Usage {
  readonly cpuMs: number
  /** The datagrams that it sent, and those of them that were lost on purpose. */
  readonly sent: number
  readonly lost: number
}

export interface Memory {
  readonly residentBytes: number
  /** After a garbage collection. */
  readonly heapBytes: number
}

/** The commands of every process. */
export const commonCommands = {
  usage(): Usage {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1_000, ...datagrams() }
  },
  memory(): Memory {
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    const { rss, heapUsed } = process.memoryUsage()
    return { residentBytes: rss, heapBytes: heapUsed }
  },
  lose(share: number): void {
    loseDatagrams(share)
  },
  startProfile,
  stopProfile: (): Promise<CpuProfile> => stopProfile(),
}

/** The options that the parent gave to this process. */
export function givenOptions<Options>(): Options {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** Reports that this process serves, and carries out the calls of its parent. The process ends with its parent. */
export function serve(commands: Commands): void {
  const answer = (answer: Answer) => process.send?.(answer)
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, name, given }: Call) => {
    try {
      answer({ id, answer: await commands[name]?.(...given) })
    } catch (error) {
      answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  answer({ id: 0 })
}
