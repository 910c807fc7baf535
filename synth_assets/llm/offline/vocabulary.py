"""Pools of words that problems are filled with; common ones and rarer ones.

No word here is one that the instruction filters of Self-Instruct block (image, map, file, …).
"""

from __future__ import annotations


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split(","))


NAMES = _split("""
Ada Amir Anneke Bea Boris Carla Chidi Daan Elif Emeka Fatima Felix Greta Hana Hugo Imani Ines
Jonas Jun Kofi Lena Liam Lucia Mara Mateo Milan Nadia Nils Noor Olga Omar Paula Pedro Priya
Quentin Rosa Ruben Sana Selma Tariq Theo Uma Vera Viktor Wanda Yara Yusuf Zoe Marta Igor Leila
Oskar Petra Ravi Sofia Tomas Alba Bruno Clara Dario
""")
RARE_NAMES = _split("""
Aoife Bartholomew Calliope Dagmar Eulalia Fenella Gideon Hyacinth Isolde Jocasta Kazimir
Leocadia Mordecai Nerys Ottoline Perpetua Quillon Rosalba Sigismund Thaddeus Ulrika Valdemar
Winifred Xanthe Ysolde Zebedee Anselm Brunhilde
""")
TOWNS = _split("""
Lisbon Ghent Turin Bergen Leipzig Porto Lyon Cork Malmo Graz Seville Gdansk Utrecht Bilbao Tartu
Bristol Dresden Nantes Verona Aarhus Quito Kyoto Hanoi Nairobi Accra Izmir Tunis Perth Boston
Denver Halifax Pune Lima Osaka Dakar Riga Split Basel Oulu Galway Cadiz Mainz Parma Lublin Brno
Exeter Kigali Cusco Busan Hobart
""")
RARE_TOWNS = _split("""
Longyearbyen Nuuk Ushuaia Timbuktu Thimphu Apia Funafuti Torshavn Stanley Valletta Nouakchott
Dushanbe Ulaanbaatar Castries Honiara Majuro Paramaribo Vaduz Yaren Windhoek
""")
THINGS = _phrases("""
apples, candles, notebooks, tulips, bottles, bricks, lanterns, scarves, postcards, mugs,
baskets, pencils, tiles, loaves, cushions, ropes, spoons, badges, kites, lemons, stamps,
buttons, chairs, blankets, radishes, saddles, bulbs, helmets, tickets, tents, jars of honey,
seed packets, bicycle bells, wool socks, paint brushes, garden gnomes, bags of rice, tea towels,
wooden boxes, rolls of tape, chess sets, hand fans, water flasks, picnic rugs, door handles,
alarm clocks, umbrellas, marbles, oil lamps, shoe laces, fishing hooks, copper pipes, glass
beads, hay bales, plant pots, egg cartons, coat hangers, paper cranes, soup bowls, rain coats
""")
RARE_THINGS = _phrases("""
astrolabes, bassoons, sextants, theremins, thuribles, gyroscopes, ocarinas, orreries,
barometers, abacuses, kaleidoscopes, quills, metronomes, censers, halberds, amphorae,
tapestries, gimbals, hourglasses, monocles, pinwheels, samovars, zithers, planchettes
""")
WORDS = _split("""
river stone cedar amber velvet harbour ember willow copper meadow falcon ginger thunder pebble
lantern orchid marble saddle timber walnut canyon feather glacier hazel island jasmine kernel
lemon maple nectar olive pepper quartz raven saffron tundra umbrella valley whistle yarrow zebra
anchor basil candle dragon engine forest garden hammer igloo jungle kettle ladder mirror needle
oyster parcel quiver ribbon silver tunnel urchin violin wagon yonder zipper acorn bridge cactus
desert elbow fabric goblet helmet insect jigsaw kitten locket magnet napkin otter paddle quilt
rocket spider teapot velour window yeast almond barrel cotton donkey eagle fennel gravel hollow
indigo juniper kayak lobster mitten nutmeg onion parrot rabbit salmon tulip vessel wallet badger
castle dahlia easel ferry grape heron ivory jacket koala lilac
""")
RARE_WORDS = _split("""
gossamer palimpsest quincunx zephyr halcyon obelisk sassafras tamarind bergamot chrysalis
vermilion labyrinth cormorant dirigible elderflower filigree gargoyle hibiscus isinglass
jacaranda kohlrabi lodestone mandolin nightjar opossum periwinkle quokka rutabaga sycamore
tarragon umbra vetiver wombat xylem yucca zeppelin
""")
GROUPS = _phrases("""
choir, chess club, rowing team, food bank, book shop, school canteen, climbing hall, youth
centre, community garden, bicycle workshop, pottery studio, town library, dance school, animal
shelter, bakery, hiking group, market hall, theatre group, repair cafe, knitting circle, fire
brigade, swimming club, tenants' union, sports hall, museum shop, flower stall, ferry office,
radio station, cheese dairy, language school, toy library, sailing school, print shop, orchard
co-operative, scout troop
""")
RARE_GROUPS = _phrases("""
falconry guild, bell-ringing society, cartographers' circle, lacemakers' league, mycology club,
beekeepers' chamber, steam railway trust, puppetry troupe, speleology team, observatory,
herbarium, clockmakers' workshop, fencing salon, philatelic society, lighthouse service
""")
OCCASIONS = _phrases("""
summer fair, open day, spring clean, harvest supper, charity run, winter bazaar, quiz night,
street party, family reunion, boat trip, school camp, jumble sale, wedding lunch, staff outing,
half marathon, stock count, science week, lantern walk, farewell dinner, village fete, craft
weekend, night hike, cookery course, garden tour, board meeting, poetry evening, film night,
plant swap, training day, birthday brunch
""")
COLOURS = _split("red blue green yellow white black orange purple brown grey pink turquoise")
UNITS_OF_MONEY = _split("euros dollars pounds francs crowns")
SUBJECTS = _phrases("""
keeping accounts, planning the week, teaching beginners, writing a newsletter, helping a
neighbour, preparing a quiz, checking an old ledger, tidying a cupboard, setting a riddle,
ordering supplies, training new volunteers, settling a bet, packing a van, revising for a test,
rehearsing a talk, clearing the attic, writing to a cousin, comparing offers, closing the till,
filling in a form
""")
