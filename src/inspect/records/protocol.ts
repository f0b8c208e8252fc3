/** What servers, the hub and pages say to each other over WebSockets: JSON, a message each. */
import type { Address, NodeId } from '../../../machines/batch.ts'
import type { Member } from '../../../machines/members.ts'
import type { ControlCommand, ControlResult } from './control.ts'
import type { InspectorRecord, RunName, ServerRecord } from './record.ts'

/** A server to the hub, on `/servers`: first `server.hello`, then batches. */
export type ServerToHub =
  | (RunName & {
      readonly type: 'server.hello'
      readonly version: typeof protocolVersion
      readonly cluster: string
      readonly service: string
      readonly founders: readonly Member[]
      readonly address: Address
      /** It does what it is told to. */
      readonly allowsFaults: boolean
    })
  | {
      readonly type: 'server.records'
      /** Records that were left out before these. */
      readonly leftOut: number
      readonly records: readonly ServerRecord[]
    }
  /** What became of the `hub.control` of that id. */
  | { readonly type: 'server.result'; readonly id: number; readonly result: ControlResult }

export type ServerHello = Extract<ServerToHub, { type: 'server.hello' }>

/** The hub to a server: only to one that allows it. */
export type HubToServer = {
  readonly type: 'hub.control'
  readonly id: number
  readonly command: Extract<ControlCommand, { type: 'rules' | 'timer' }>
}

/** The hub to a page, on `/pages`: first what there is, then what comes. */
export type HubToPage =
  | {
      readonly type: 'hub.welcome'
      readonly version: typeof protocolVersion
      /** `live`, or the name of a file that is replayed. */
      readonly source: { readonly kind: 'live' } | { readonly kind: 'recording'; readonly name: string }
    }
  | { readonly type: 'hub.records'; readonly records: readonly InspectorRecord[] }
  | { readonly type: 'hub.result'; readonly id: number; readonly result: ControlResult }
  /** The servers that were refused lately: sent when that changes. */
  | { readonly type: 'hub.refusals'; readonly refusals: readonly Refusal[] }

/** A server that the hub refused. */
export interface Refusal {
  /** Names its cluster, for `cluster` of src/inspect/records/control.ts. */
  readonly key: string
  readonly cluster: string
  readonly service: string
  readonly node: NodeId
  readonly address: Address
  readonly reason: string
  /** How often it was refused. */
  readonly count: number
  /** When it was refused last. */
  readonly timeMs: number
}

/** A page to the hub. */
export type PageToHub = {
  readonly type: 'page.control'
  readonly id: number
  /** The one in the printed address. */
  readonly token: string
  readonly command: ControlCommand
}

export const protocolVersion = 1

/** Where the hub listens unless it is told otherwise. */
export const defaultInspectorPort = 29_400

/** Where the server of the package `@statelyai/inspect` listens, which shows them in Stately's own inspector. */
export const defaultStatelyUrl = 'ws://localhost:8080'
