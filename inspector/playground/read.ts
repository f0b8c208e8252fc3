/** Reads a transcript, or only its commands, into a session: from pasted text, a file or a link. */
import { nextInOrder } from '../../src/schedule/settle.ts'
import { expectState } from '../../src/transcript/expect.ts'
import { isCommandLine } from '../../src/transcript/file.ts'
import { parseCommand } from '../../src/transcript/parse.ts'
import { eventsOf } from '../../src/transcript/resolve.ts'
import { type Adapt, begun, happened, here, type Session } from './session.ts'

/** The result of reading. */
export interface ReadSession {
  /** The readable part; `null` when no cluster was founded. */
  readonly session: Session | null
  /** The error with its line; `null` for none. */
  readonly problem: string | null
}

/** The session that `text` describes, with the reader at its end. Never throws: errors are in `problem`. */
export function readSchedule(text: string, adapt?: Adapt): ReadSession {
  const reading = new Reading(adapt)
  for (const [place, line] of text.split('\n').entries()) {
    try {
      reading.take(line)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return {
        session: reading.session,
        problem: `line ${place + 1}, "${shortened(line.trim())}": ${reason}`,
      }
    }
  }
  return reading.session === null
    ? { session: null, problem: 'no cluster is founded: a transcript begins with servers 3' }
    : { session: reading.session, problem: null }
}

class Reading {
  session: Session | null = null
  readonly #adapt: Adapt | undefined
  #note: string[] = []

  constructor(adapt: Adapt | undefined) {
    this.#adapt = adapt
  }

  take(line: string): void {
    if (line.startsWith('#')) this.#note.push(line.replace(/^#+\s?/, ''))
    if (!isCommandLine(line)) return
    const command = parseCommand(line)
    switch (command.verb) {
      case 'servers': {
        if (this.session !== null) throw new Error('the cluster is founded already')
        const founded = begun(
          {
            servers: command.count,
            service: command.service,
            ending: command.ending,
            snapshotEvery: command.snapshotEvery,
          },
          this.#adapt,
        )
        const [point] = founded.path
        if (point === undefined) throw new Error('a session has a beginning')
        const noted = { ...point, note: this.#takeNote() }
        this.session = { ...founded, path: [noted], ends: [noted] }
        return
      }
      case 'settle':
        this.#settle(command.withTimers)
        return
      case 'expect':
        expectState(here(this.#founded).state, command.actor, command.state)
        return
      case 'show':
        return
      default:
        for (const event of eventsOf(here(this.#founded).state, command)) this.#happen(event)
    }
  }

  get #founded(): Session {
    if (this.session === null) throw new Error('a transcript begins with: servers 3')
    return this.session
  }

  #settle(withTimers: boolean): void {
    for (;;) {
      const event = nextInOrder(here(this.#founded).state, { withTimers })
      if (event === null) return
      this.#happen(event)
    }
  }

  #happen(event: Parameters<typeof happened>[1]): void {
    this.session = happened(this.#founded, event, this.#takeNote())
  }

  #takeNote(): readonly string[] {
    const note = this.#note
    this.#note = []
    return note
  }
}

function shortened(line: string): string {
  return line.length <= 80 ? line : `${line.slice(0, 80)}…`
}
