import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Write } from '../../machines/outputs.ts'
import { roleNames } from '../core/roles.ts'
import { type JournalEvent, type JournalRole, journalRole } from '../journal/journal-lines.ts'
import type { RoleSnapshot } from './actors.ts'

/** What writes the journal of a node. */
export interface EventRecorder {
  /** The clock of the last line that an earlier run wrote. */
  readonly lastClock: number
  record(line: JournalEvent): void
  /** Writes what was recorded. */
  flush(): void
}

/** The node whose events are recorded. */
export interface RecordedNode {
  readonly self: NodeId
  snapshot(role: RoleName): RoleSnapshot | undefined
  /** Gives a write to the disk. */
  write(write: Write): void
}

/**
 * Records each event of a live node with the roles that it changed. `kill -9` may come at any moment, and what the disk shows of an event
 * the journal must show too: a write waits until the event that asked for it is in the journal.
 */
export class NodeJournal {
  readonly #recorder: EventRecorder
  readonly #node: RecordedNode
  /** Each role as it was last recorded. */
  readonly #recorded: Partial<Record<RoleName, RoleSnapshot>> = {}
  #waiting: Write[] = []

  constructor(recorder: EventRecorder, node: RecordedNode) {
    this.#recorder = recorder
    this.#node = node
  }

  /** The event under way asks for a write. */
  persist(write: Write): void {
    this.#waiting.push(write)
  }

  /** The event is over. */
  record({ clock, nowMs, event }: Pick<JournalEvent, 'clock' | 'nowMs' | 'event'>): void {
    this.#recorder.record({ clock, node: this.#node.self, nowMs, event, roles: this.#changedRoles() })
    if (this.#waiting.length === 0) return
    this.#recorder.flush()
    const writes = this.#waiting
    this.#waiting = []
    for (const write of writes) this.#node.write(write)
  }

  #changedRoles(): Partial<Record<RoleName, JournalRole>> {
    const changed: Partial<Record<RoleName, JournalRole>> = {}
    for (const role of roleNames) {
      const snapshot = this.#node.snapshot(role)
      if (snapshot === undefined || snapshot === this.#recorded[role]) continue
      this.#recorded[role] = snapshot
      changed[role] = journalRole(snapshot)
    }
    return changed
  }
}
