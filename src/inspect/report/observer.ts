/** Makes records of the events of a live server, as far as time and room allow. */
import type { AnyActorRef, InspectionEvent } from 'xstate'
import type { AcceptorContext } from '../../../machines/acceptor.ts'
import { compareBallots } from '../../../machines/ballot.ts'
import type { Address } from '../../../machines/batch.ts'
import type { RoleName } from '../../../machines/inbox.ts'
import type { LearnerContext } from '../../../machines/learner.ts'
import type { Write } from '../../../machines/outputs.ts'
import { stateName } from '../../core/chart-names.ts'
import { type DurableState, durablePart } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import { roleMachines, roleNames } from '../../core/roles.ts'
import { microstepOf } from '../../core/step.ts'
import type { JournalEvent } from '../../journal/journal-lines.ts'
import type { Replica } from '../../services/replica.ts'
import { machineStateOf } from '../records/machine-state.ts'
import type {
  Cause,
  FateRecord,
  HeadsRecord,
  MachineState,
  RoleMove,
  RoleStates,
  ServerRecord,
} from '../records/record.ts'
import { truncatedReplicaView, truncatedView } from '../records/truncated.ts'
import { DurableMirror } from './durable-mirror.ts'

/** The destination of records. */
export interface RecordSink {
  /** True when the next record must be a keyframe. */
  readonly needsKeyframe: boolean
  /** True when a record may be made now. */
  admits(): boolean
  /** Counts a record that is left out. */
  leaveOut(): void
  add(record: ServerRecord): void
}

/** The server that is observed. */
export interface Subject {
  readonly address: Address
  readonly replica: Pick<Replica, 'members' | 'firstUnexecuted' | 'view' | 'ownView'>
  snapshot(role: RoleName): Snapshot | undefined
  clock(): number
}

interface Snapshot {
  readonly value: unknown
  readonly context?: unknown
}

/** The shortest interval between two views of the service, in milliseconds. */
const serviceEveryMs = 250
/** The interval is longer when the view is expensive: this many times its duration. */
const serviceRest = 50

export class Observer {
  readonly #subject: Subject
  readonly #sink: RecordSink
  readonly #failed: (error: Error) => void
  #mirror: DurableMirror | null = null
  #isBroken = false

  // The event in progress, if it is recorded.
  #isFollowing = false
  #moves: RoleMove[] = []
  #facts: Fact[] = []
  #isUnderWay = false
  /** What happened to the messages of this event. */
  #fates: FateRecord[] = []

  /** The state of each role in the last record. */
  #reported: Partial<Record<RoleName, Snapshot>> = {}
  #serviceTimer: NodeJS.Timeout | null = null
  #serviceTookMs = 0

  /** `failed` is called once, on an error in the observer: then the observer ends, and the server continues. */
  constructor(subject: Subject, sink: RecordSink, failed: (error: Error) => void) {
    this.#subject = subject
    this.#sink = sink
    this.#failed = failed
  }

  /** The server begins, with this on its disk. */
  starts(durable: DurableState): void {
    this.#mirror = new DurableMirror(durablePart(durable))
  }

  /** An event is about to happen. Returns false when it is left out: then the caller need not report anything of it. */
  begins(): boolean {
    return this.#safely(false, () => {
      this.#isFollowing = this.#isAdmitted()
      this.#isUnderWay = true
      this.#fates = []
      this.#moves = []
      this.#facts = []
      return this.#isFollowing
    })
  }

  /** Takes an event of XState's inspection. */
  inspected(inspected: InspectionEvent): void {
    this.#safely(undefined, () => {
      if (inspected.type !== '@xstate.microstep') return
      const role = (inspected.actorRef as AnyActorRef).id as RoleName
      const machine = roleMachines[role]
      const microstep = machine === undefined ? null : microstepOf(machine, inspected)
      if (microstep === null) return
      const { event, edges, snapshot } = microstep
      this.#moves.push({ role, event, edges, state: stateName(snapshot.value) })
    })
  }

  /** A fact of the event in progress. */
  fact(fact: Fact): void {
    if (this.#isFollowing) this.#facts.push(fact)
  }

  /** A batch was executed. */
  executed(fact: Extract<Fact, { type: 'executed' }>): void {
    this.fact(fact)
    this.#serviceChanged()
  }

  /** A write begins. */
  asked(write: Write): void {
    this.#safely(undefined, () => this.#mirror?.ask(write))
  }

  /** A write of the acceptor is synced. Returns the content of the disk after it. */
  synced(): DurableState | null {
    return this.#safely(null, () => {
      this.#mirror?.synced()
      return this.#mirror?.durable ?? null
    })
  }

  /** The event that `begins` admitted has ended. */
  ends(event: JournalEvent['event']): void {
    this.#safely(undefined, () => {
      if (event.type === 'start') this.#reported = {}
      this.#sink.add({
        kind: 'step',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        cause: causeOf(event),
        moves: this.#moves,
        facts: this.#facts,
        writes: this.#mirror?.unsynced ?? 0,
        roles: this.#changed(),
      })
    })
  }

  /** The event is over, whether it was recorded or not. The fates of its messages follow it. */
  over(): void {
    this.#safely(undefined, () => {
      this.#isUnderWay = false
      for (const fate of this.#fates) if (this.#isAdmitted()) this.#sink.add(fate)
      this.#fates = []
    })
  }

  /** Records what happened to a message. */
  fate(fate: Omit<FateRecord, 'kind' | 'clock' | 'timeMs'>): void {
    this.#safely(undefined, () => {
      const record: FateRecord = {
        kind: 'fate',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        ...fate,
      }
      if (this.#isUnderWay) this.#fates.push(record)
      else if (this.#isAdmitted()) this.#sink.add(record)
    })
  }

  /** Makes a keyframe, if one is due. */
  resume(): void {
    this.#safely(undefined, () => {
      if (this.#sink.needsKeyframe && this.#sink.admits()) this.#keyframe()
    })
  }

  /** How far the server is; `null` while its roles do not run. Reads only a few fields. */
  heads(): Omit<HeadsRecord, 'leftOut'> | null {
    return this.#safely(null, () => {
      const acceptor = this.#subject.snapshot('acceptor')?.context as AcceptorContext | undefined
      const learner = this.#subject.snapshot('learner')?.context as LearnerContext | undefined
      if (this.#mirror === null || acceptor === undefined || learner === undefined) return null
      const { promised } = acceptor
      return {
        kind: 'heads',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        promised,
        isPromisedSynced: compareBallots(promised, this.#mirror.durable.promised) <= 0,
        firstUnchosen: learner.firstUnchosen,
        firstUnexecuted: this.#subject.replica.firstUnexecuted,
      }
    })
  }

  /** The server has ended: `null` when it was stopped, the reason when it halted. */
  ended(reason: string | null): void {
    if (this.#serviceTimer !== null) clearTimeout(this.#serviceTimer)
    this.#safely(undefined, () => {
      if (this.#mirror === null || !this.#isAdmitted()) return
      this.#sink.add({ kind: 'ended', clock: this.#subject.clock(), timeMs: Date.now(), reason })
    })
  }

  /** True when a record may be made now. Makes the keyframe before it when one is due. */
  #isAdmitted(): boolean {
    if (this.#sink.admits()) {
      if (this.#sink.needsKeyframe) this.#keyframe()
      if (!this.#sink.needsKeyframe) return true
    }
    this.#sink.leaveOut()
    return false
  }

  #keyframe(): void {
    const mirror = this.#mirror
    if (mirror === null) return
    const { address, replica } = this.#subject
    this.#reported = {}
    const roles = this.#changed()
    // The roles do not exist yet, or no longer.
    if (roleNames.some((role) => roles[role] === undefined)) return
    this.#sink.add({
      kind: 'keyframe',
      clock: this.#subject.clock(),
      timeMs: Date.now(),
      address,
      pid: process.pid,
      members: replica.members,
      durable: mirror.durable,
      firstUnexecuted: replica.firstUnexecuted,
      roles: roles as RoleStates,
    })
    this.#serviceChanged()
  }

  #changed(): Partial<RoleStates> {
    const changed: Partial<Record<RoleName, MachineState>> = {}
    for (const role of roleNames) {
      const snapshot = this.#subject.snapshot(role)
      const before = this.#reported[role]
      if (snapshot === undefined) continue
      if (snapshot.context === before?.context && snapshot.value === before?.value) continue
      this.#reported[role] = snapshot
      changed[role] = machineStateOf(role, snapshot as Parameters<typeof machineStateOf>[1])
    }
    return changed
  }

  #serviceChanged(): void {
    if (this.#isBroken) return
    const afterMs = Math.max(serviceEveryMs, this.#serviceTookMs * serviceRest)
    this.#serviceTimer ??= setTimeout(() => this.#showService(), afterMs).unref()
  }

  /** Shows the service. A view that is left out here follows the next keyframe. */
  #showService(): void {
    this.#serviceTimer = null
    this.#safely(undefined, () => {
      const { replica } = this.#subject
      if (this.#sink.needsKeyframe || !this.#sink.admits()) return
      const begin = performance.now()
      this.#sink.add({
        kind: 'service',
        clock: this.#subject.clock(),
        timeMs: Date.now(),
        firstUnexecuted: replica.firstUnexecuted,
        view: truncatedView(replica.view()),
        replica: truncatedReplicaView(replica.ownView()),
      })
      this.#serviceTookMs = performance.now() - begin
    })
  }

  /** An error here must not reach the server. */
  #safely<T>(otherwise: T, run: () => T): T {
    if (this.#isBroken) return otherwise
    try {
      return run()
    } catch (error) {
      this.#isBroken = true
      this.#failed(error instanceof Error ? error : new Error(String(error)))
      return otherwise
    }
  }
}

function causeOf(event: JournalEvent['event']): Cause {
  switch (event.type) {
    case 'start':
      return { type: 'start' }
    case 'hear':
      return { type: 'hear', sender: event.sender, message: event.message }
    case 'request':
      return { type: 'request', message: event.message, replyTo: event.replyTo }
    case 'timer':
      return { type: 'timer', role: event.role, id: event.id }
    case 'synced':
      return { type: 'synced' }
    case 'tell':
      return { type: 'tell', role: event.role, event: event.event.type }
  }
  return event satisfies never
}
