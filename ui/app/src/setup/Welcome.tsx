import { Button } from '@mantine/core'
import { IconArrowLeft, IconCircleCheck, IconUserPlus } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api } from '../api/client'
import { asProblem } from '../api/problem'
import type { Channel, ChannelType } from '../api/types'
import { t } from '../i18n'
import { useLive } from '../live/hooks'
import { ChannelForm } from '../settings/ChannelForm'
import { ChannelLinks } from '../settings/ChannelLinks'
import { ChannelTypes } from '../settings/ChannelTypes'
import { useCreateChannel } from '../settings/NewChannel'
import { AddPerson } from '../settings/PeoplePage'
import { CopyBox } from '../ui/Copy'
import { channelTypeName } from '../ui/channel'
import { Steps } from './Steps'
import css from './setup.module.css'

/** The first run after the owner's account: connect one channel, and see what is left. Each step can be left for later. */
export function Welcome() {
  const [type, setType] = useState<ChannelType | null>(null)
  const [made, setMade] = useState<Channel | null>(null)
  const go = useNavigate()
  const create = useCreateChannel(setMade)
  const later = () => go({ to: '/' })

  if (made)
    return (
      <Done
        made={made}
        onAnother={() => {
          setMade(null)
          setType(null)
        }}
        onInbox={later}
      />
    )
  return (
    <main className={css.page}>
      <div className={css.inner}>
        <Steps at={1} />
        {type ? (
          <>
            <button type="button" className={css.back} onClick={() => setType(null)}>
              <IconArrowLeft size={16} aria-hidden="true" />
              {t('channel.otherType')}
            </button>
            <h1>{t('channel.connectType', { type: channelTypeName(type) })}</h1>
            <ChannelForm
              key={type}
              type={type}
              submit={t('channel.connect')}
              onSave={(name, config) => create(type, name, config)}
            />
          </>
        ) : (
          <>
            <h1>{t('setup.channelTitle')}</h1>
            <p className="dim">{t('setup.channelText')}</p>
            <ChannelTypes onPick={setType} />
          </>
        )}
        <div>
          <Button variant="subtle" color="gray" onClick={later}>
            {t('setup.later')}
          </Button>
        </div>
      </div>
    </main>
  )
}

function Done({ made, onAnother, onInbox }: { made: Channel; onAnother: () => void; onInbox: () => void }) {
  const c = useLive('channel', made.id) ?? made
  const test = useFirstTest(c)
  const [inviting, setInviting] = useState(false)
  const [invite, setInvite] = useState<string | undefined>()
  return (
    <main className={css.page}>
      <div className={css.inner}>
        <Steps at={2} />
        <h1>{t('setup.doneTitle')}</h1>
        <ul className={css.checklist}>
          <li>
            <IconCircleCheck size={20} className={css.checked} aria-hidden="true" />
            <div>{t('setup.accountMade')}</div>
          </li>
          <li>
            <IconCircleCheck
              size={20}
              className={test?.ok === false ? css.unchecked : css.checked}
              aria-hidden="true"
            />
            <div>
              <p>
                <bdi>{t('setup.channelMade', { name: c.name })}</bdi>
              </p>
              {test && (
                <p className={test.ok ? 'dim' : css.error} role="status" dir="auto">
                  {test.ok ? t('channel.testOk') : t('channel.testFailed')} {test.detail}
                </p>
              )}
              {test?.ok === false && <p className="dim">{t('setup.mendLater')}</p>}
              <ChannelLinks c={c} />
            </div>
          </li>
          <li>
            <IconUserPlus size={20} aria-hidden="true" />
            <div>
              <p>{t('setup.inviteText')}</p>
              {invite && <CopyBox text={invite} label={t('people.inviteLink')} />}
              {inviting ? (
                <AddPerson
                  onClose={() => setInviting(false)}
                  onAdded={(_, url) => {
                    setInviting(false)
                    setInvite(url)
                  }}
                />
              ) : (
                <Button variant="default" size="xs" onClick={() => setInviting(true)}>
                  {t('people.add')}
                </Button>
              )}
            </div>
          </li>
        </ul>
        <div className={css.acts}>
          <Button size="md" onClick={onInbox}>
            {t('setup.openInbox')}
          </Button>
          <Button size="md" variant="default" onClick={onAnother}>
            {t('setup.another')}
          </Button>
        </div>
      </div>
    </main>
  )
}

/** Tries the new channel at once, so that its first error is seen while somebody still sits before it. */
function useFirstTest(c: Channel) {
  const [test, setTest] = useState<{ ok: boolean; detail: string } | null>(null)
  useEffect(() => {
    let gone = false
    api
      .testChannel(c.id)
      .catch((e) => ({ ok: false, detail: asProblem(e).message }))
      .then((result) => !gone && setTest(result))
    return () => {
      gone = true
    }
  }, [c.id])
  return test
}
