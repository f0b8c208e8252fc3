/** Batches from requests in a plain list, so that a test names each request once. */
import type { Batch, BatchGroup, NamedRequest, NodeId, Request, RequestGroup } from '../../machines/batch.ts'

/**
 * A batch of `node` with `requests`, in this order. Requests of one session that follow each other form a group. `node` holds
 * all of them for their clients, or the server `heldBy` does.
 */
export function batchOf(
  node: NodeId,
  requests: readonly NamedRequest[],
  { elapsedMs = 1_000, heldBy = node }: { readonly elapsedMs?: number; readonly heldBy?: NodeId } = {},
): Batch {
  return { node, elapsedMs, groups: groupsOf(requests).map((group) => ({ ...group, heldBy })) }
}

/** The same requests, held by the servers that `holders` names, one for each group. */
export function heldBy(batch: Batch, ...holders: readonly NodeId[]): Batch {
  const groups = batch.groups.map(
    (group, place): BatchGroup => ({
      ...group,
      heldBy: holders[place] ?? group.heldBy,
    }),
  )
  return { ...batch, groups }
}

/** Requests of one session with one `ackedBelow` that follow each other, in groups. */
export function groupsOf(requests: readonly NamedRequest[]): readonly RequestGroup[] {
  const groups: (RequestGroup & { readonly requests: Request[] })[] = []
  for (const { uid, ackedBelow, seq, command } of requests) {
    const last = groups.at(-1)
    if (last?.uid === uid && last.ackedBelow === ackedBelow) last.requests.push({ seq, command })
    else groups.push({ uid, ackedBelow, requests: [{ seq, command }] })
  }
  return groups
}
