# Draw a table of the bench, FOLDER/NAME.dat, to FOLDER/NAME.svg:  gnuplot -e "folder='...'; name='...'" plot.gp
# A group of bars for each work, a bar for each adapter; on a logarithmic scale, since they are far apart.
set terminal svg size 1400,600 font "sans,12" background "white"
set output folder."/".name.".svg"
set datafile separator "\t"
set datafile missing "NaN"
set style data histogram
set style histogram clustered gap 2
set style fill solid 0.9 noborder
set logscale y
set grid y
set key outside right noenhanced
set xtics rotate by -30 noenhanced
file = folder."/".name.".dat"
set title system("head -n 1 '".file."' | cut -f 1 | tr -d '\"'") noenhanced
columns = int(system("head -n 1 '".file."' | tr '\\t' '\\n' | wc -l"))
plot for [at = 2:columns] file using at:xtic(1) title columnheader(at)
