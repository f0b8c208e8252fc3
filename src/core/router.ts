import type { RoleEvent, RoleName } from '../../machines/inbox.ts'

/**
 * The queue of events for the roles of a node. A new event goes to the end of the queue, and its consequences follow it. So every
 * engine delivers events in the same order.
 */
export class Router {
  readonly #deliver: (role: RoleName, event: RoleEvent) => void
  readonly #pending: { readonly role: RoleName; readonly event: RoleEvent }[] = []
  #isDraining = false

  /** `deliver` passes an event to a role, which handles it at once. */
  constructor(deliver: (role: RoleName, event: RoleEvent) => void) {
    this.#deliver = deliver
  }

  /** Queues an event for a role. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#pending.push({ role, event })
    if (!this.#isDraining) this.enter(() => undefined)
  }

  /** Runs a function that makes a role act, such as its timer, and then delivers all events that follow from it. */
  enter(run: () => void): void {
    if (this.#isDraining) {
      run()
      return
    }
    this.#isDraining = true
    try {
      run()
      // By index, because removing the first element of a long array takes time proportional to its length.
      for (let next = 0; next < this.#pending.length; next += 1) {
        const pending = this.#pending[next]
        if (pending !== undefined) this.#deliver(pending.role, pending.event)
      }
    } finally {
      this.#pending.length = 0
      this.#isDraining = false
    }
  }
}
