import {
  IconBrandTelegram,
  IconHash,
  IconMail,
  IconMessageCircle,
  IconPhone,
  IconShieldCheck,
} from '@tabler/icons-react'
import type { Identity } from '../api/types'
import { t } from '../i18n'
import { identityText } from '../text/names'
import css from './contacts.module.css'

const glyphs = {
  email: IconMail,
  phone: IconPhone,
  telegram: IconBrandTelegram,
  webchat: IconMessageCircle,
  external: IconHash,
}

/** The addresses of a person, each with how much it can be relied on. */
export function Identities({ identities }: { identities: Identity[] }) {
  if (identities.length === 0) return <p className="dim">{t('contact.noIdentities')}</p>
  return (
    <ul className={css.identities}>
      {identities.map((i) => {
        const Glyph = glyphs[i.kind] ?? IconHash
        return (
          <li key={`${i.kind}${i.value}`}>
            <Glyph size={16} stroke={1.75} role="img" aria-label={t(`identity.${i.kind}`)} />
            <span className={css.identityValue}>
              <bdi className="ltr">
                {i.kind === 'webchat' ? t('contact.visitorId', { id: i.value.slice(0, 8) }) : identityText(i)}
              </bdi>
              <span className={css.trust} data-trust={i.trust} title={t(`trust.${i.trust}_help`)}>
                {i.trust !== 'asserted' && <IconShieldCheck size={14} aria-hidden="true" />}
                {t(`trust.${i.trust}`)}
              </span>
            </span>
          </li>
        )
      })}
    </ul>
  )
}
