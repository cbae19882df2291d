# Draw FOLDER/NAME.dat, which the bench wrote, to FOLDER/NAME.svg:  gnuplot -e "folder='...'; name='...'" plot.gp
# A panel for each work: who did it, the best at the top, by the median and the quarters, on a logarithmic scale, since they are far apart.
file = folder."/".name.".dat"
set datafile separator "\t"
stats file using 1 nooutput
panels = STATS_blocks

line(pattern, number) = system(sprintf("sed -n 's/^%s //p' '%s' | sed -n %dp", pattern, file, number))
columns = panels < 3 ? panels : 3
rows = (panels + columns - 1) / columns
most = 0
do for [at = 0:panels - 1] {
    stats file index at using 1 nooutput
    most = STATS_records > most ? STATS_records : most
}
height = 19 * most + 66
set terminal svg size 480 * columns, height * rows + 44 font "sans,11" background "white"
set output folder."/".name.".svg"

array names[5] = ["mring", "from Debian", "the system's", "references", "the machine"]
array colours[5] = [0xd62728, 0x1f77b4, 0x17868b, 0x666666, 0xb08a00]
colour(origin) = colours[int(origin) + 1]

top = 1 - 36.0 / (height * rows + 44)
set multiplot layout rows, columns columnsfirst margins screen 0, screen 1, screen 0, screen top spacing screen 0
unset key
set border 1
set grid x lc rgb "#dddddd" lt 1
unset ytics
set xtics nomirror out scale 0.5
set logscale x
set format x "%g"
do for [at = 0:panels - 1] {
    column = at % columns
    row = at / columns
    set lmargin at screen (column + 0.34) / columns
    set rmargin at screen (column + 0.97) / columns
    set tmargin at screen top * (1 - (row + 26.0 / height) / rows)
    set bmargin at screen top * (1 - (row + 1 - 32.0 / height) / rows)
    set xrange [*:*] # stats leaves out what is not in range
    set yrange [*:*]
    stats file index at using 3 nooutput name "low"
    stats file index at using 4 nooutput name "high"
    low = low_min > 0 ? low_min : high_max / 1000
    high = high_max
    if (high < 10 * low) {
        middle = sqrt(low * high)
        low = middle / sqrt(10)
        high = middle * sqrt(10)
    }
    margin = (high / low) ** 0.04
    set xrange [low / margin:high * margin * (high / low) ** 0.18]
    set yrange [low_records - most - 0.7:low_records - 0.3]
    set title line("#", at + 1) noenhanced offset 0, -0.6 font ",12"
    if (at == 0) {
        set label 1 line("#!", 1) noenhanced at screen 0.012, screen 1 - 0.5 * (1 - top) font ",14"
        do for [origin = 1:5] {
            set label 1 + origin names[origin] textcolor rgb colours[origin] \
                at screen 1 - (5.6 - origin) * 92.0 / (480 * columns), screen 1 - 0.5 * (1 - top) center
        }
    }
    plot file index at using (NaN):1 with points, \
         file index at using (low / margin):1:6:(colour($5)) with labels right offset -0.8, 0 noenhanced \
             textcolor rgb variable, \
         file index at using 3:1:3:4:(colour($5)) with xerrorbars pt 7 ps 0.45 lw 1.5 lc rgb variable, \
         file index at using ($5 == 0 ? $2 : NaN):1 with points pt 7 ps 1 lc rgb colours[1], \
         file index at using 4:1:7:(colour($5)) with labels left offset 0.7, 0 noenhanced textcolor rgb variable
    if (at == 0) {
        unset for [old = 1:6] label old
    }
}
unset multiplot
