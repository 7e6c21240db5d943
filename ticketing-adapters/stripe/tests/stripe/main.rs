//! What is Stripe's own: how calls look and travel, what their failures mean, webhooks, and that no
//! secret is told.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod money;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod webhooks;
