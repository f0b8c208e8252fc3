import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Write } from '../../machines/outputs.ts'
import { roleNames } from '../core/roles.ts'
import { type JournalEvent, type JournalRole, journalRole } from '../journal/journal-lines.ts'
import type { RoleSnapshot } from './actors.ts'

/** The writer of a node's journal. */
export interface EventRecorder {
  /** The clock of the last line that an earlier run wrote. */
  readonly lastClock: number
  record(line: JournalEvent): void
  /** Writes the recorded lines to the file. */
  flush(): void
}

/** The node whose events are recorded. */
export interface RecordedNode {
  readonly self: NodeId
  snapshot(role: RoleName): RoleSnapshot | undefined
  /** Passes a write to the disk. */
  write(write: Write): void
}

/**
 * Records each event of a live node, with the roles that it changed. After `kill -9` at any moment, the journal must contain each
 * event whose effect is on disk. So a write waits until its event is in the journal.
 */
export class NodeJournal {
  readonly #recorder: EventRecorder
  readonly #node: RecordedNode
  /** The last recorded snapshot of each role. */
  readonly #recorded: Partial<Record<RoleName, RoleSnapshot>> = {}
  #waiting: Write[] = []

  constructor(recorder: EventRecorder, node: RecordedNode) {
    this.#recorder = recorder
    this.#node = node
  }

  /** Holds a write that the current event asks for. */
  persist(write: Write): void {
    this.#waiting.push(write)
  }

  /** Records the event, and then releases its writes. */
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
