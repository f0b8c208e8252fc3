import { heldBytes } from '../../core/json.ts'
import { nothingInLedger } from '../records/ledger.ts'
import type { Picture, ServerPicture } from '../records/picture.ts'

/** A server, reduced to its identity and its progress. */
function inOutline(server: ServerPicture): ServerPicture {
  return { ...server, roles: null, durable: null, members: [], cause: null, moves: [], samples: [] }
}

/** What is removed, one step after the other: first the servers that are gone. */
const cuts: readonly ((picture: Picture) => Picture)[] = [
  (picture) => ({
    ...picture,
    servers: picture.servers.map((server) => (server.state === 'gone' ? inOutline(server) : server)),
  }),
  (picture) => ({ ...picture, last: null, ledger: nothingInLedger }),
  (picture) => ({ ...picture, service: null, clients: [] }),
  (picture) => ({ ...picture, servers: picture.servers.map(inOutline) }),
  (picture) => ({ ...picture, servers: [], milestones: [] }),
]

/** The picture without the parts that exceed about `most` bytes of memory. */
export function boundedPicture(picture: Picture, most: number): Picture {
  let bounded = picture
  for (const cut of cuts) {
    if (heldBytes(bounded) <= most) return bounded
    bounded = cut(bounded)
  }
  return bounded
}
