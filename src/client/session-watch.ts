/** Observes the actor that carries a session. */
import type { Actor, AnyMachineSnapshot, InspectionEvent } from 'xstate'
import type { Address } from '../../machines/batch.ts'
import { clientMachine, type ServerIndex } from '../../machines/client.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import { stateName } from '../core/chart-names.ts'
import { microstepOf } from '../core/step.ts'
import { machineStateOf } from '../inspect/records/machine-state.ts'
import type { ClientMove, ClientObserver, HeardByClient } from './observer.ts'

/** Observes the actor of one session. Turns each event and its inspection events into one move. */
export class SessionWatch {
  readonly #observe: ClientObserver
  readonly #addressOf: (server: ServerIndex) => Address
  readonly #uid: string
  #event: { readonly type: string } | null = null
  #moves: ClientMove['moves'][number][] = []
  #sent: ClientMove['said'][number][] = []

  constructor(observe: ClientObserver, uid: string, addressOf: (server: ServerIndex) => Address) {
    this.#observe = observe
    this.#uid = uid
    this.#addressOf = addressOf
  }

  recordSent(to: ServerIndex, message: RequestMessage): void {
    this.#sent.push({ to: this.#addressOf(to), message })
  }

  /** For `createActor`. */
  readonly inspect = (inspected: InspectionEvent): void => {
    switch (inspected.type) {
      case '@xstate.event':
        this.#event = inspected.event
        return
      case '@xstate.snapshot':
        this.#report((inspected.actorRef as Actor<typeof clientMachine>).getSnapshot())
        return
      default: {
        const microstep = microstepOf(clientMachine, inspected)
        if (microstep === null) return
        const { event, edges, snapshot } = microstep
        this.#moves.push({ event, edges, state: stateName(snapshot.value) })
      }
    }
  }

  #report(snapshot: AnyMachineSnapshot): void {
    const event = this.#event
    const [moves, said] = [this.#moves, this.#sent]
    this.#event = null
    this.#moves = []
    this.#sent = []
    if (event === null || event.type === 'xstate.init' || event.type === 'xstate.stop') return
    this.#observe({
      uid: this.#uid,
      event: event.type,
      heard: this.#heardIn(event),
      moves,
      said,
      machine: machineStateOf('client', snapshot),
    })
  }

  #heardIn(event: { readonly type: string }): ClientMove['heard'] {
    if (event.type !== 'response' && event.type !== 'queued' && event.type !== 'busy') return null
    const {
      server,
      atMs: _,
      ...message
    } = event as unknown as HeardByClient & {
      readonly server: ServerIndex
      readonly atMs: number
    }
    return { from: this.#addressOf(server), message: message as HeardByClient }
  }
}
