//! The catalogue. No show, house or person of it exists.

/// A show, as far as a listing tells of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Show {
    pub(super) seller: &'static str,
    pub(super) title: &'static str,
    pub(super) venue: &'static str,
    pub(super) about: &'static str,
    /// In the currency's smallest unit.
    pub(super) price: i64,
    pub(super) currency: &'static str,
    pub(super) units: u32,
    pub(super) in_days: u32,
    pub(super) per_order: Option<u32>,
    pub(super) per_buyer: Option<u32>,
    pub(super) opens_in_days: Option<u32>,
}

impl Show {
    /// A show without limits, whose sale is open.
    const fn new(seller: &'static str, title: &'static str, venue: &'static str) -> Self {
        Self {
            seller,
            title,
            venue,
            about: "",
            price: 0,
            currency: "USD",
            units: 1,
            in_days: 30,
            per_order: None,
            per_buyer: None,
            opens_in_days: None,
        }
    }

    const fn costs(self, price: i64, currency: &'static str) -> Self {
        Self { price, currency, ..self }
    }

    const fn has(self, units: u32, in_days: u32) -> Self {
        Self { units, in_days, ..self }
    }

    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn at_most(self, per_order: u32, per_buyer: u32) -> Self {
        Self { per_order: Some(per_order), per_buyer: Some(per_buyer), ..self }
    }

    const fn opens_in(self, days: u32) -> Self {
        Self { opens_in_days: Some(days), ..self }
    }
}

const MUSIC: &str = "demo-concerts";
const STAGE: &str = "demo-theatre";
const SPORT: &str = "demo-sport";
const TALKS: &str = "demo-talks";

/// The catalogue, oldest listing first.
pub(super) const CATALOGUE: &[Show] = &[
    Show::new(MUSIC, "The Paper Lanterns: Harbour Lights Tour", "Harbour Hall")
        .costs(6_500, "USD")
        .has(2_500, 45)
        .about("Indie rock with a brass section. Doors open an hour before.")
        .at_most(8, 8),
    Show::new(MUSIC, "The Paper Lanterns: front row", "Harbour Hall")
        .costs(18_000, "USD")
        .has(24, 45)
        .about("Seats in the first row, and early entry.")
        .at_most(2, 2),
    Show::new(MUSIC, "Midnight Orchard", "The Boiler Room Annex")
        .costs(3_250, "USD")
        .has(400, 12)
        .about("A quiet evening with loud friends: folk, strings and one accordion."),
    Show::new(MUSIC, "Static Garden: electronic weekend, both days", "Old Gasworks")
        .costs(14_900, "EUR")
        .has(5_000, 80)
        .about("Two days, three floors, more than forty acts. Camping is not included.")
        .at_most(6, 6),
    Show::new(MUSIC, "Static Garden: Saturday", "Old Gasworks")
        .costs(8_900, "EUR")
        .has(3_000, 80)
        .about("Saturday only, from noon until four in the morning.")
        .at_most(6, 6),
    Show::new(MUSIC, "Winter Serenades for String Quartet", "Chapel at Elm Street")
        .costs(2_800, "EUR")
        .has(120, 21)
        .about("An hour and a half of chamber music by candlelight, without an interval."),
    Show::new(MUSIC, "City Philharmonic: Ninth Symphony", "Grand Concert House")
        .costs(9_500, "EUR")
        .has(1_800, 60)
        .about("With chorus and four soloists. Latecomers are let in between movements."),
    Show::new(MUSIC, "City Philharmonic: open rehearsal", "Grand Concert House")
        .costs(800, "EUR")
        .has(300, 59)
        .about("Watch the orchestra at work. Seats are free to choose."),
    Show::new(MUSIC, "Blue Corner Jazz Night", "Cellar 19")
        .costs(1_800, "USD")
        .has(80, 5)
        .about("House trio and guests; a table is shared by four.")
        .at_most(4, 4),
    Show::new(MUSIC, "Choir of the Northern Coast", "St Brannoc's Church")
        .costs(2_400, "GBP")
        .has(350, 33)
        .about("Songs of the sea for sixty voices."),
    Show::new(MUSIC, "Tin Whistle Ceilidh", "Market Barn")
        .costs(1_500, "GBP")
        .has(200, 9)
        .about("Dancing for beginners and those who pretend. A caller explains every step."),
    Show::new(MUSIC, "Neon Rooftop Sessions: opening night", "Deck 21")
        .costs(4_200, "USD")
        .has(150, 100)
        .about("Sunset set on the roof. Moves indoors if it rains.")
        .opens_in(7),
    Show::new(STAGE, "The Clockmaker's Daughter", "Playhouse on the Square")
        .costs(4_800, "USD")
        .has(620, 14)
        .about("A new play about time, debt and a very small dog. Two hours with an interval."),
    Show::new(STAGE, "The Clockmaker's Daughter: matinee", "Playhouse on the Square")
        .costs(3_600, "USD")
        .has(620, 15)
        .about("The afternoon performance, with audio description."),
    Show::new(STAGE, "A Kingdom of Chairs", "Studio Nine")
        .costs(2_200, "EUR")
        .has(90, 18)
        .about("Two clowns, thirty chairs, no words. For everyone from six years on."),
    Show::new(STAGE, "Letters From the Lighthouse", "Riverside Stage")
        .costs(3_900, "EUR")
        .has(450, 27)
        .about("Based on letters that were never sent. With supertitles."),
    Show::new(STAGE, "Improvised Opera", "Studio Nine")
        .costs(1_950, "EUR")
        .has(90, 6)
        .about("You name the tragedy, they sing it."),
    Show::new(STAGE, "Swan and Shadow: contemporary ballet", "Royal Arcade Theatre")
        .costs(7_200, "GBP")
        .has(1_100, 52)
        .about("Twelve dancers, live percussion.")
        .at_most(10, 10),
    Show::new(STAGE, "The Great Teapot Robbery: family show", "Puppet House")
        .costs(1_200, "USD")
        .has(140, 10)
        .about("Puppets, tea and a chase. Children below three sit on laps."),
    Show::new(STAGE, "Late Laughs: stand-up showcase", "Cellar 19")
        .costs(1_400, "USD")
        .has(80, 3)
        .about("Five comedians, ten minutes each, and a host who is sorry for all of them."),
    Show::new(STAGE, "Backstage tour for one", "Royal Arcade Theatre")
        .costs(5_500, "GBP")
        .has(1, 30)
        .about(
            "The flies, the traps and the ghost light, with the stage manager. One person only.",
        ),
    Show::new(SPORT, "Harbour City v. Northfield: league match", "Dockside Stadium")
        .costs(3_500, "USD")
        .has(5_000, 8)
        .about("Kick-off at three. Gates open two hours before.")
        .at_most(6, 6),
    Show::new(SPORT, "Harbour City v. Northfield: box for ten", "Dockside Stadium")
        .costs(125_000, "USD")
        .has(6, 8)
        .about("A box with ten seats and something to eat.")
        .at_most(1, 1),
    Show::new(SPORT, "Cup final: general admission", "National Bowl")
        .costs(8_500, "EUR")
        .has(5_000, 120)
        .about("The two best of the season. Who they are is known in spring.")
        .at_most(4, 4)
        .opens_in(30),
    Show::new(SPORT, "Riverside Half Marathon: starting place", "Riverside Park")
        .costs(4_500, "USD")
        .has(4_000, 75)
        .about("Bib, timing chip and a banana at the finish.")
        .at_most(1, 1),
    Show::new(SPORT, "Track Cycling Grand Prix: day one", "Velodrome East")
        .costs(2_900, "GBP")
        .has(2_200, 40)
        .about("Qualifying from ten, finals from seven."),
    Show::new(SPORT, "Ice hockey: Polar Foxes v. Ironworks", "Frost Arena")
        .costs(3_100, "EUR")
        .has(3_400, 16)
        .about("Derby night."),
    Show::new(SPORT, "Climbing for beginners: Sunday course", "Gravity Hall")
        .costs(5_900, "EUR")
        .has(12, 11)
        .about("Shoes and harness included. From fourteen years on.")
        .at_most(3, 3),
    Show::new(SPORT, "Chess in the park: simultaneous display", "Linden Gardens")
        .costs(500, "EUR")
        .has(40, 24)
        .about("Forty boards, one master."),
    Show::new(TALKS, "Small Databases, Large Ambitions", "Technical Museum, auditorium")
        .costs(2_500, "USD")
        .has(240, 20)
        .about("What fits into one file, and what does not. With questions afterwards."),
    Show::new(TALKS, "The Night Sky in One Hour", "Planetarium")
        .costs(1_100, "EUR")
        .has(180, 4)
        .about("No knowledge needed. Look up."),
    Show::new(TALKS, "Cooking With What Is Left: evening class", "Kitchen Cooperative")
        .costs(6_800, "USD")
        .has(16, 13)
        .about("Bring a box for the leftovers of the leftovers.")
        .at_most(2, 2),
    Show::new(TALKS, "Maps That Lie", "City Library, reading room")
        .costs(750, "GBP")
        .has(70, 28)
        .about("Five centuries of useful errors."),
    Show::new(TALKS, "Founders' Breakfast", "Deck 21")
        .costs(4_000, "USD")
        .has(60, 17)
        .about("Coffee, three short talks, and a clock that rings.")
        .at_most(2, 2),
    Show::new(TALKS, "Summer Academy: three days of letterpress", "Print Works")
        .costs(32_000, "EUR")
        .has(10, 140)
        .about("Type, ink and paper. All material included.")
        .at_most(1, 1)
        .opens_in(14),
    Show::new(TALKS, "Reading circle: the last places", "City Library, reading room")
        .costs(1_000, "JPY")
        .has(15, 35)
        .about("A novel in an evening, online for readers in Tokyo."),
];
