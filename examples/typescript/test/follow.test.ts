/** Subscriptions of a running API: COURSELENS_URL, COURSELENS_TOKEN, COURSELENS_COURSE. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import WebSocket from 'ws'

import { RequestFailed } from '../src/errors.js'
import { followEvents, followSocket, type FollowOptions } from '../src/follow.js'
import { RefreshedDocument } from '../src/gql/graphql.js'

const {
  COURSELENS_URL: api = 'http://127.0.0.1:8000',
  COURSELENS_TOKEN: good = '',
  COURSELENS_COURSE: course = '',
} = process.env

for (const [name, follow] of Object.entries({ followEvents, followSocket })) {
  const start = (token: FollowOptions['token'], endpoint = `${api}/graphql`) =>
    follow({ endpoint, token, webSocket: WebSocket }, RefreshedDocument, { course })

  test(`${name}: a token that has run out is replaced once`, async () => {
    const refused: (string | undefined)[] = []
    const answers = start((old) => {
      refused.push(old)
      return old === undefined ? 'stale' : good
    })
    const { value } = await answers.next()
    assert.ok(value?.complete().courseRefreshed?.title)
    assert.deepEqual(refused, [undefined, 'stale'])
    await answers.return(undefined)
    const isRefused = (error: unknown) => error instanceof RequestFailed && error.code === 'UNAUTHENTICATED'
    await assert.rejects(start(() => 'stale').next(), isRefused)
  })

  test(`${name}: a server that is not there is waited for`, async () => {
    let asked = 0
    const reason = new Error('the page was left')
    const answers = start(() => {
      asked += 1
      if (asked === 3) throw reason
      return good
    }, 'http://127.0.0.1:9/graphql')
    await assert.rejects(answers.next(), reason)
  })
}
