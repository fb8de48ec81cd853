/** A page of a connection. */
export interface Page<Node> {
  nodes: readonly Node[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
}

/**
 * All pages of a list, each asked for when the one before has been used.
 *
 * Cursors are places in one order: keep filter and order the same from page to page. Who joins or
 * leaves meanwhile moves nobody else to another page.
 */
export async function* pages<Node>(
  ask: (after: string | null) => Promise<Page<Node> | null | undefined>,
): AsyncGenerator<Page<Node>, void> {
  let after: string | null = null
  do {
    const page = await ask(after)
    if (!page) return
    yield page
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
  } while (after !== null)
}
